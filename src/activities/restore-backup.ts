import { FaberError } from '../contract/failure.js';
import { letsNobodyIn, type Fence, type Session } from '../handlers/database/contract.js';
import type { ChangeRef, RestoreInput, RestoreOutcome } from './contract.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat, type Running } from './heartbeat.js';
import { changeOptions, openPlan, type OpenPlan } from './open-plan.js';
import { isOfAnotherEnvironment } from './plan-restore.js';

/**
 * A verified backup becomes the database: restored beside, verified, swapped; the replaced one is kept. Safe to attempt
 * again: the side database's name follows from the operation, and a crash between the renames is repaired.
 */
export async function restoreBackup(deps: Dependencies, input: RestoreInput): Promise<RestoreOutcome> {
  return withHeartbeat(async (running) => {
    const plan = await openPlan(deps, input.settings, input.artifact);
    const { target, store, backups, database } = plan;
    const record = await store.getBackup(input.backup_id);
    const not = (status: 'refused' | 'failed', reason: string): RestoreOutcome => ({ status, reason, kept_as: null, tables: 0, rows: 0 });
    // In the middle of a swap no other session can be opened than the one that the swap has kept.
    const fence = await fenceOf(plan, input, running);
    const requireQuiet = async (replaced: Session | null = null) => {
      if (replaced !== null && fence !== null) await database.bookkeeping.checkFence(replaced, fence);
      if (!input.only_if_quiet) return;
      const quiet = await database.nothingWrittenSince(target, record.snapshot, input.operation_id, replaced ?? undefined);
      if (!quiet.proven) throw new FaberError({ code: 'would_lose_data', message: `restoring could lose what was written since the backup: ${quiet.reason}` });
    };
    try {
      // Asked before the long work and, with all sessions ended, once more right before the exchange.
      await requireQuiet();
      const obstacles = await backups.restoreObstacles(target, record);
      if (obstacles.length > 0) return not('refused', obstacles.join('; '));
      const report = await backups.restoreBeside(target, store, record, input.operation_id, running.signal, running.progress, isOfAnotherEnvironment(record, plan.artifact.core));
      running.progress('Exchanging the databases');
      const { kept_as } = await backups.swap(target, input.operation_id, requireQuiet, running.signal);
      return { status: 'restored', reason: null, kept_as, tables: report.tables, rows: report.rows };
    } catch (error) {
      running.signal.throwIfAborted();
      // Out of reach or overtaken: another attempt goes on, and what is there is its to use.
      if (!(error instanceof FaberError) || error.code === 'health_check_failed' || error.code === 'fenced_off') throw error;
      await backups.cleanUp(target, input.operation_id).catch(() => undefined);
      return not(error.code === 'would_lose_data' ? 'refused' : 'failed', error.message);
    }
  });
}

/** Null when the database to be replaced lets nobody in: then there is nobody to keep out either. */
export async function fenceOf({ database, backups, target, settings }: OpenPlan, { operation_id }: ChangeRef, running: Running): Promise<Fence | null> {
  const take = () => database.bookkeeping.takeFence(target, operation_id, changeOptions(settings, running));
  const unlessClosed = (error: unknown) => {
    if (letsNobodyIn(error)) return null;
    throw error;
  };
  const fence = await take().catch(unlessClosed);
  if (fence !== null) return fence;
  // An attempt that died between shutting the door and the exchange: the door is opened again.
  await backups.cleanUp(target, operation_id);
  return take().catch(unlessClosed);
}
