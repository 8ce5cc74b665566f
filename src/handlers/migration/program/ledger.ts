/** The tool's ledger, read from its table, with what our own steps know beside: checksums, and programs whose end was not recorded. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../contract/canonical.js';
import type { Settings } from '../../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler, StepRow } from '../../database/contract.js';
import type { Ledger, LedgerRow, Migration, MigrationStatus } from '../contract.js';
import { matchesChecksum } from '../script/checksum.js';
import { readMark, type Mark } from './mark.js';
import type { LedgerShape, ProgramSystem } from './system.js';

export interface LastStep extends StepRow { mark: Mark }

export interface LedgerState {
  /** In the tool's order; null: there is no table. */
  rows: { name: string; at: string | null }[] | null;
  last: Map<string, LastStep>;
}

export async function ledgerState(database: DatabaseHandler, system: ProgramSystem, shape: LedgerShape, target: ConnectionTarget, settings: Settings): Promise<LedgerState> {
  const session = await database.connect(target, 'read ledger');
  try {
    const rows = await system.ledgerRows(session, target.schema, settings.migrations.table, shape);
    const incarnation = await system.incarnation(session);
    const steps = await database.bookkeeping.lastSteps(target);
    const marked = steps.flatMap((step): LastStep[] => {
      const mark = readMark(step.ledger_id);
      return mark === null || (step.action === 'started' && mark.incarnation !== incarnation) ? [] : [{ ...step, mark }];
    });
    return { rows, last: new Map(marked.map((step) => [step.migration, step])) };
  } finally {
    await session.close();
  }
}

/** An up that began and is not in the ledger, or a down that began and still is: what of it ran is not known. */
export function isOpen(step: LastStep | undefined, inLedger: boolean): boolean {
  return step?.action === 'started' && (step.mark.direction === 'up') !== inLedger;
}

export function ledgerOf({ rows, last }: LedgerState): Ledger {
  const names = new Set(rows?.map(({ name }) => name));
  const finished = (rows ?? []).map(({ name, at }): LedgerRow => {
    const step = last.get(name);
    const open = isOpen(step, true);
    return {
      id: name, name, checksum: step?.action === 'applied' ? step.mark.sha256 : null, started_at: at, finished_at: open ? null : (at ?? ''), rolled_back_at: null,
      logs: open ? 'its down began outside of a transaction, and its end was not recorded' : null,
    };
  });
  const begun = [...last.values()].filter((step) => !names.has(step.migration) && isOpen(step, false)).map((step): LedgerRow => ({
    id: step.migration, name: step.migration, checksum: null, started_at: step.at, finished_at: null, rolled_back_at: null,
    logs: 'it ran outside of a transaction, and its end was not recorded',
  }));
  const all = [...finished, ...begun];
  return { exists: rows !== null, rows: all, digest: digestOf(all) };
}

function digestOf(rows: readonly Pick<LedgerRow, 'name' | 'finished_at'>[]): string {
  return createHash('sha256').update(canonicalJson(rows.map(({ name, finished_at }) => ({ name, finished: finished_at !== null })))).digest('hex');
}

/** These tools forget what they undo, so the ledger of a state is the list of what was applied. */
export function digestsWhenApplied(_ledger: Ledger, applied: readonly string[]): string[] {
  return [digestOf(applied.map((name) => ({ name, finished_at: '' })))];
}

/** Pure. All three tools run whatever the ledger does not have, in their order. */
export function compare(migrations: readonly Pick<Migration, 'name' | 'up'>[], ledger: Ledger): MigrationStatus {
  const finished = new Map(ledger.rows.filter((row) => row.finished_at !== null).map((row) => [row.name, row]));
  const failed = ledger.rows.filter((row) => row.finished_at === null);
  const known = new Set(migrations.map(({ name }) => name));
  const unfinished = new Set(failed.map(({ name }) => name));
  const pending = migrations.map(({ name }) => name).filter((name) => !finished.has(name) && !unfinished.has(name));
  const lastApplied = migrations.findLastIndex(({ name }) => finished.has(name));
  return {
    applied: [...finished.keys()],
    pending,
    failed: failed.map(({ name, started_at, logs }) => ({ name, started_at, evidence: `begun ${started_at ?? 'at an unknown time'}: ${logs}` })),
    edited: migrations.filter(({ name, up }) => {
      const checksum = finished.get(name)?.checksum ?? null;
      return checksum !== null && !matchesChecksum(up, checksum);
    }).map(({ name }) => name),
    missing: [...finished.keys()].filter((name) => !known.has(name)),
    out_of_order: migrations.slice(0, Math.max(0, lastApplied)).map(({ name }) => name).filter((name) => pending.includes(name)),
  };
}
