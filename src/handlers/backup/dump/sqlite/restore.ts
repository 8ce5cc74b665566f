/** Restores a backup beside the database that serves, which stays untouched. */
import { dirname, join } from 'node:path';
import type { BackupRecord } from '../../../../contract/backup.js';
import type { ConnectionTarget, RestoreReport } from '../../../database/contract.js';
import { exchanged } from '../../../database/sqlite/beside/exchange.js';
import { removeFile, sideName } from '../../../database/sqlite/beside/names.js';
import { sqliteTarget, type SqliteTarget } from '../../../database/sqlite/connection-url.js';
import { locate } from '../../../database/sqlite/locate.js';
import type { Store } from '../../contract.js';
import { checkBackup } from '../check.js';
import { unpackTo } from './files.js';
import { restoreFailure } from './restore-failure.js';
import { verifyFile } from './verify.js';

/** Idempotent by `operationId`. @throws FaberError backup_unusable, restore_failed. The file of a failed attempt is left for `cleanUp`. */
export async function restoreBeside(target: ConnectionTarget, store: Store, record: BackupRecord, operationId: string, signal: AbortSignal, onProgress?: (what: string) => void): Promise<RestoreReport> {
  const begun = performance.now();
  const side = await sideOf(sqliteTarget(target), operationId);
  try {
    signal.throwIfAborted();
    if ((await exchanged(sqliteTarget(target), operationId)) === null) {
      // A damaged dump is refused before anything is created.
      await checkBackup(store, record, signal);
      await removeFile(side);
      onProgress?.('Restoring beside the database');
      await unpackTo(side, store, record, signal);
      onProgress?.('Checking the restored file and counting its rows');
      await verifyFile(side, record, signal);
    }
  } catch (error) {
    throw restoreFailure(error, 'restore_failed', `Backup ${record.backup_id} was not restored`, target, signal);
  }
  const tables = record.tables ?? [];
  return { side_database: side, tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0), duration_seconds: (performance.now() - begun) / 1000 };
}

export async function sideOf(target: SqliteTarget, operationId: string): Promise<string> {
  return join(dirname((await locate(target)).file), sideName(target.database, operationId));
}
