/** Which backups and replaced databases retention takes. Pure: facts in, verdicts with their reasons out. */
import type { BackupRecord } from '../contract/backup.js';
import type { Retained } from '../contract/retention.js';
import type { ReplacedDatabase } from '../handlers/backup/contract.js';

const DAY_MS = 86_400_000;

export interface RetentionFacts {
  environment: string;
  retentionDays: number;
  /** Milliseconds since 1970. */
  now: number;
  /** Of the environment's database as it is now; null: it cannot be reached. */
  identity: string | null;
}

export interface BackupVerdict extends Retained {
  record: BackupRecord;
}

/**
 * Judges the backups of one environment, given newest first. What is left over for removal here may still be needed by an
 * operation: that is asked for those only.
 *
 * Kept are: what has a label, what is younger than retention, and of each database the newest backup and the newest one that
 * was proven to restore; one whose restore failed, or that holds a half-made change, is neither as long as there is another.
 * What is of another database than the environment's is not ours to remove: stores may be shared by projects, and names of
 * environments are the same in all of them.
 */
export function judgeBackups(records: readonly BackupRecord[], facts: RetentionFacts): BackupVerdict[] {
  const kept = new Map<string, string>();
  for (const identity of new Set(records.map((record) => record.identity))) {
    const own = records.filter((record) => record.identity === identity);
    const good = own.filter((record) => record.unusable === undefined && record.incomplete_state === undefined);
    const newest = good[0] ?? own[0];
    if (newest) kept.set(newest.backup_id, good.length > 0 ? 'the newest backup' : 'the newest backup; there is no better one');
    const proven = good.find((record) => record.level === 'proven');
    if (proven) kept.set(proven.backup_id, 'the newest backup that was proven to restore');
  }
  return records.map((record) => {
    const label = record.label === null ? null : `labelled '${record.label}': removed by hand only`;
    const foreign = facts.identity !== null && record.identity !== facts.identity ? `of another database than ${facts.environment} is now (${record.database}): removed by hand only` : null;
    const age = ageVerdict(record.created_at, facts);
    const reason = label ?? foreign ?? kept.get(record.backup_id) ?? age.keeps;
    return {
      kind: 'backup', id: record.backup_id, record, size_bytes: record.size_bytes,
      remove: reason === null, reason: reason ?? age.takes, removed_after: label === null && foreign === null ? age.removedAfter : null,
    };
  });
}

/** Judges the databases that restores replaced. @param serving names of databases that environments of the project connect to */
export function judgeReplaced(found: readonly ReplacedDatabase[], facts: RetentionFacts, serving: ReadonlySet<string>): Retained[] {
  return found.map(({ name, size_bytes, operation }) => {
    const verdict = (reason: string, removed_after: string | null = null): Retained => ({ kind: 'database', id: name, remove: false, reason, removed_after, size_bytes });
    if (serving.has(name)) return verdict('an environment connects to it');
    if (operation === null) return verdict('it looks like a replaced database, but no operation is known that replaced it: removed by hand only');
    if (operation.environment !== facts.environment) return verdict(`replaced by an operation of '${operation.environment}'`);
    // Where only the replaced database remembers the operation, its end is not there.
    const age = ageVerdict(operation.ended_at ?? operation.begun_at, facts);
    return { ...verdict(age.keeps ?? age.takes, age.removedAfter), remove: age.keeps === null };
  });
}

export function isOlder(atMs: number, { retentionDays, now }: Pick<RetentionFacts, 'retentionDays' | 'now'>): boolean {
  return now - atMs > retentionDays * DAY_MS;
}

function ageVerdict(at: string, facts: RetentionFacts): { keeps: string | null; takes: string; removedAfter: string | null } {
  const { retentionDays } = facts;
  const days = `${retentionDays} day${retentionDays === 1 ? '' : 's'}`;
  const since = Date.parse(at);
  if (Number.isNaN(since)) return { keeps: 'its time cannot be read: removed by hand only', takes: '', removedAfter: null };
  return {
    keeps: isOlder(since, facts) ? null : `not older than ${days}`,
    takes: `older than ${days}`,
    removedAfter: new Date(since + retentionDays * DAY_MS).toISOString(),
  };
}
