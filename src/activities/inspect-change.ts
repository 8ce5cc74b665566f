import { tableName, type BackupSummary } from '../contract/backup.js';
import type { ChangeRef, Inspection, VerifyInput } from './contract.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { openPlan, type OpenPlan } from './open-plan.js';
import { isSeedStep, seedIn } from './seed-steps.js';
import { usableDowns } from './usable-downs.js';

export interface Left {
  /** In the order in which they were applied. */
  applied: string[];
  reverted: string[];
  halfApplied: string[];
  seed?: 'began' | 'ran' | 'failed';
}

/** What an operation left, by its own steps and the tool's ledger. */
export async function leftBy(plan: OpenPlan, operationId: string): Promise<Left> {
  const { database, target, migrations, settings } = plan;
  const steps = await database.bookkeeping.steps(target, operationId);
  const applied = new Map<string, true>();
  const reverted = new Map<string, true>();
  const started = new Map<string, true>();
  for (const step of steps.filter(({ migration }) => !isSeedStep(migration))) {
    if (step.action === 'started') started.set(step.migration, true);
    if (step.action === 'applied') {
      applied.set(step.migration, true);
      started.delete(step.migration);
    }
    if (step.action === 'reverted') {
      const begun = started.delete(step.migration);
      // Undoing what this operation applied leaves nothing of it; undoing another's is a change of its own.
      if (!applied.delete(step.migration) && !begun) reverted.set(step.migration, true);
    }
  }
  // The ledger has the last word on a standalone script whose end was not recorded: settled there, it is not half applied.
  const ledger = await migrations.readLedger(target, settings);
  const open = new Set(ledger.rows.filter((row) => row.finished_at === null && row.rolled_back_at === null).map((row) => row.name));
  return { applied: [...applied.keys()], reverted: [...reverted.keys()], halfApplied: [...started.keys()].filter((name) => open.has(name)), ...seedIn(steps) };
}

/** What the change left, and what each way out would cost. */
export async function inspectChange(deps: Dependencies, input: ChangeRef & { backup: BackupSummary | null }): Promise<Inspection> {
  return withHeartbeat(async () => {
    const plan = await openPlan(deps, input.settings, input.artifact);
    const left = await leftBy(plan, input.operation_id);
    const { without } = await usableDowns(plan.migrations, plan.artifact.migrations, left.applied);
    const hasDowns = left.applied.length > 0 && without.length === 0;
    const seed = left.seed === undefined || (left.seed === 'failed' && (await wroteNothing(plan, input))) ? {} : { seed: left.seed };
    return { reachable: true, applied: left.applied, reverted: left.reverted, half_applied: left.halfApplied, has_downs: hasDowns, ...seed, ...(await exchangedBy(plan, input.operation_id)), costs: await costs(plan, left, input.backup) };
  });
}

/** An operation that exchanges databases may have done so: equal schemas and ledgers then do not mean that nothing happened. */
async function exchangedBy({ artifact, backups, target }: OpenPlan, operationId: string): Promise<{ kept_as?: string }> {
  if (artifact.core.restore === null && artifact.core.operation !== 'reset') return {};
  const kept = await backups.keptBy(target, operationId);
  return kept === null ? {} : { kept_as: kept };
}

/** A seed that failed before it wrote, while nobody else wrote either: the database is as it was. Never asked of one that may still run. */
async function wroteNothing(plan: OpenPlan, { backup, operation_id }: ChangeRef & { backup: BackupSummary | null }): Promise<boolean> {
  const record = backup === null ? null : await plan.store.getBackup(backup.backup_id).catch(() => null);
  return record !== null && (await plan.database.nothingWrittenSince(plan.target, record.snapshot, operation_id)).proven;
}

async function costs(plan: OpenPlan, left: Left, backup: BackupSummary | null): Promise<Record<string, string>> {
  const applied = left.applied.length;
  const reverted = left.reverted.length;
  const restore: Record<string, string> = backup === null ? {} : { restore: await restoreCost(plan, backup) };
  if (left.seed !== undefined) {
    return { retry: 'Runs the seed once more, on what is there now', ...restore, accept: 'Leaves what the seed wrote, and ends the operation' };
  }
  return {
    retry: reverted > 0 ? 'Goes on undoing what is not undone yet' : 'Goes on with the migrations that are not applied',
    undo: `Runs ${applied} down script(s); data written to what these migrations added is lost`,
    ...restore,
    accept: reverted > 0 ? `Leaves ${reverted} migration(s) undone and ends it` : `Leaves ${applied} migration(s) of this operation applied and ends it`,
  };
}

/** Rows per table now against the backup's snapshot: what a restore would lose at least. */
async function restoreCost(plan: OpenPlan, backup: BackupSummary): Promise<string> {
  const since = `Loses all writes since ${backup.created_at}`;
  const record = await plan.store.getBackup(backup.backup_id).catch(() => null);
  if (record === null || record.tables === null) return since;
  const then = new Map(record.tables.map((t) => [tableName(t), t.rows]));
  const now = await plan.database.tableCounts(plan.target);
  const changed = now
    .map((t) => ({ name: tableName(t), difference: t.rows - (then.get(tableName(t)) ?? 0) }))
    .filter((t) => t.difference !== 0)
    .slice(0, 10)
    .map((t) => `${t.name} ${t.difference > 0 ? '+' : ''}${t.difference} rows`);
  return changed.length === 0 ? `${since} (no table has another number of rows)` : `${since}: ${changed.join(', ')}`;
}

/** Whether the database is as before: the same schema, the same applied migrations, nothing failed in the ledger. */
export async function verifyUndone(deps: Dependencies, input: VerifyInput): Promise<{ verified: boolean; reason: string | null }> {
  return withHeartbeat(async () => {
    const plan = await openPlan(deps, input.settings, input.artifact);
    const { database, target, migrations, settings } = plan;
    const status = migrations.compare(plan.artifact.migrations, await migrations.readLedger(target, settings));
    const resolved = plan.artifact.core.resolve;
    const failed = status.failed.filter((row) => !resolved.includes(row.name));
    if (failed.length > 0) return { verified: false, reason: `the ledger has a failed row for ${failed.map((f) => f.name).join(', ')}` };
    const before = new Set(input.applied_before);
    const more = status.applied.filter((name) => !before.has(name) && !plan.artifact.core.baseline.includes(name) && !resolved.includes(name));
    const fewer = input.applied_before.filter((name) => !status.applied.includes(name));
    if (more.length > 0 || fewer.length > 0) return { verified: false, reason: `the ledger differs: more ${more.join(', ') || 'none'}, fewer ${fewer.join(', ') || 'none'}` };
    const fingerprint = await database.schemaFingerprint(target, migrations.ownTables(settings));
    return fingerprint === input.fingerprint ? { verified: true, reason: null } : { verified: false, reason: 'the schema is not as before' };
  });
}
