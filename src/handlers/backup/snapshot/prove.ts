/** *Proven*, of a snapshot: restored to a server of its own, connected to with the URL's role, every table read and counted. */
import type { BackupRecord } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';
import type { ConnectionTarget } from '../../database/contract.js';
import type { Store } from '../contract.js';
import { hostedIn } from './check.js';
import { on, type SnapshotContext } from './context.js';
import { deleteMade } from './delete-server.js';
import { scratchName } from './names.js';
import { restoredServer } from './restored-server.js';
import { poll } from './poll.js';
import { waitAvailable } from './wait-server.js';

/** A name that was given a moment ago may not be known everywhere yet. */
export const NAME_LIMIT_MS = 10 * 60_000;

export interface ProveOptions {
  signal: AbortSignal;
  onProgress?: ((what: string) => void) | undefined;
  operationId?: string | undefined;
}

/** The server of the proof is deleted whatever happens; after a crash the next attempt or cleanUp does it. @throws FaberError backup_failed */
export async function proveSnapshot(context: SnapshotContext, target: ConnectionTarget, store: Store, record: BackupRecord, options: ProveOptions): Promise<BackupRecord> {
  const { signal, onProgress } = options;
  const operationId = options.operationId ?? record.operation_id ?? record.backup_id;
  const { snapshot_id: snapshotId } = hostedIn(record);
  const id = await context.id();
  const newId = scratchName(id, operationId);
  const wait = { code: 'backup_failed', state: `Backup ${record.backup_id} could not be proven; it stays as it was`, signal, onProgress } as const;
  try {
    const like = await waitAvailable(context, id, wait);
    const made = await restoredServer(context, { snapshotId, newId, like, operationId, role: 'proof', wait });
    const scratch = on(context, target, made);
    if (scratch === null || (await poll(async () => (await context.access.serves(scratch)) || null, { pace: context.pace, signal, limit: NAME_LIMIT_MS })) === null) {
      const reason = `${newId}, restored from it, lets nobody in with the role of the URL`;
      throw new FaberError({ code: 'backup_failed', message: `Backup ${record.backup_id} could not be proven: ${reason}`, result: { backup_error: reason } });
    }
    onProgress?.('Counting the rows of every table');
    const tables = await context.access.count(scratch, signal);
    const proven: BackupRecord = { ...record, level: 'proven', proven_at: new Date().toISOString(), tables };
    await store.updateBackup(proven);
    return proven;
  } finally {
    // An attempt that is ended goes on elsewhere, with what is there.
    if (!signal.aborted) await deleteMade(context, newId, operationId, 'proof', signal);
  }
}
