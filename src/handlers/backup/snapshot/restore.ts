/** Restores a snapshot beside the server that serves, which stays untouched. */
import type { BackupRecord } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';
import type { ConnectionTarget, RestoreReport } from '../../database/contract.js';
import { checkSnapshot, hostedIn } from './check.js';
import { on, type SnapshotContext } from './context.js';
import { keptName, sideName } from './names.js';
import { poll } from './poll.js';
import { NAME_LIMIT_MS } from './prove.js';
import { restoredServer } from './restored-server.js';
import { waitAvailable } from './wait-server.js';

const STATE = 'The one that serves was not touched';

/**
 * Idempotent by `operationId`: what an attempt before asked for is found and waited for; after the swap of this operation nothing is
 * done any more.
 * @throws FaberError backup_unusable, restore_failed
 */
export async function restoreSnapshot(
  context: SnapshotContext,
  target: ConnectionTarget,
  record: BackupRecord,
  operationId: string,
  signal: AbortSignal,
  onProgress?: (what: string) => void,
): Promise<RestoreReport> {
  const begun = performance.now();
  const { snapshot_id: snapshotId } = hostedIn(record);
  const id = await context.id();
  const newId = sideName(id, operationId);
  const wait = { code: 'restore_failed', state: STATE, signal, onProgress } as const;
  const report = (tables: number): RestoreReport => ({ side_database: newId, tables, rows: null, duration_seconds: (performance.now() - begun) / 1000 });
  if ((await context.servers.find(keptName(id, operationId))) !== null) return report(await context.access.tables(target).catch(() => 0));
  await checkSnapshot(context, record, signal);
  const like = await waitAvailable(context, id, wait);
  onProgress?.(`Restoring the snapshot ${snapshotId} to ${newId}`);
  const made = await restoredServer(context, { snapshotId, newId, like, operationId, role: 'side', wait });
  const side = on(context, target, made);
  // With the same role and password, since that is what the application will come with.
  const open = side === null ? null : await poll(async () => { await context.access.open(side).catch(unlessReachable); return (await context.access.serves(side)) || null; }, { pace: context.pace, signal, limit: NAME_LIMIT_MS });
  if (side === null || open === null) {
    const reason = `${newId}, restored from it, does not let the role of the URL in`;
    throw new FaberError({ code: 'restore_failed', message: `Backup ${record.backup_id} was not restored: ${reason}. ${STATE}`, result: { reason }, suggestions: ['Has the password of the role changed since the snapshot? Restore with the URL of that time', 'Does the worker reach every address of the subnet group?'] });
  }
  return report(await context.access.tables(side));
}

function unlessReachable(error: unknown): void {
  if (error instanceof FaberError && error.code === 'health_check_failed') return;
  throw error;
}
