/** *Proven*: restored into a scratch database, with the row counts of the dump's own snapshot. */
import type { BackupRecord } from '../../../../contract/backup.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import type { Store } from '../../contract.js';
import { inMaintenance } from '../../../database/postgresql/beside/connections.js';
import { dropDatabase } from '../../../database/postgresql/beside/create-database.js';
import { fillDatabase } from './fill.js';
import { claimIn } from '../../../database/postgresql/beside/own-work.js';
import { restoreFailure } from './restore-failure.js';
import { whileHeld } from '../../../database/postgresql/beside/scratch.js';
import { scratchName } from '../../../database/postgresql/beside/side-names.js';

/**
 * @returns the record with its level raised, as the store now has it.
 * @throws FaberError backup_unusable, backup_failed (no room, no right to create a database, cancelled). The scratch
 *   database is dropped whatever happens; after a crash the next attempt or `cleanUp` drops it.
 */
export async function proveBackup(
  database: DatabaseHandler,
  target: ConnectionTarget,
  store: Store,
  record: BackupRecord,
  signal: AbortSignal,
  onProgress?: (what: string) => void,
  operationId: string | null = record.operation_id,
): Promise<BackupRecord> {
  const scratch = scratchName(target.database, operationId ?? record.backup_id);
  const failed = (error: unknown) => restoreFailure(error, 'backup_failed', `Backup ${record.backup_id} could not be proven`, target, signal);
  const drop = () => inMaintenance(database, target, 'restore', (session) => dropDatabase(session, scratch));
  return whileHeld(database, target, scratch, async () => {
    const ids: string[] = [];
    try {
      signal.throwIfAborted();
      ids.push(...(await fillDatabase(database, target, scratch, store, record, { signal, onProgress })));
    } catch (error) {
      // Why it could not be proven matters more than why the scratch database stays; the next attempt or cleanUp drops it.
      await drop().catch(() => undefined);
      throw failed(error);
    }
    ids.push(...(await drop().catch((error: unknown) => Promise.reject(failed(error)))));
    if (operationId !== null) await claimIn(database, target, operationId, ids);
    const proven: BackupRecord = { ...record, level: 'proven', proven_at: new Date().toISOString() };
    await store.updateBackup(proven);
    return proven;
  });
}
