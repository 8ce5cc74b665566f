/** Backups of SQLite: a copy of the file's pages, restored beside it and put in its place in one transaction. */
import type { BackupRecord } from '../../../../contract/backup.js';
import type { Settings } from '../../../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../../database/contract.js';
import { exchange, exchanged } from '../../../database/sqlite/beside/exchange.js';
import { removeFile, sideName } from '../../../database/sqlite/beside/names.js';
import { sqliteTarget } from '../../../database/sqlite/connection-url.js';
import type { BackupHandler, BackupOptions, Store } from '../../contract.js';
import { checkBackup } from '../check.js';
import { createBackup } from './create.js';
import { preflight, replaceObstacles, restoreObstacles } from './obstacles.js';
import { proveBackup } from './prove.js';
import { dropReplaced, replacedDatabases } from './replaced.js';
import { restoreBeside, sideOf } from './restore.js';
import { restoreFailure } from './restore-failure.js';

export class SqliteBackupHandler implements BackupHandler {
  constructor(private readonly database: DatabaseHandler) {}

  preflight(target: ConnectionTarget, settings: Settings, store: Store) {
    return preflight(target, settings, store);
  }

  create(target: ConnectionTarget, store: Store, options: BackupOptions): Promise<BackupRecord> {
    return createBackup(this.database, target, store, options);
  }

  check(store: Store, record: BackupRecord, signal: AbortSignal): Promise<void> {
    return checkBackup(store, record, signal);
  }

  prove(target: ConnectionTarget, store: Store, record: BackupRecord, signal: AbortSignal, onProgress?: (what: string) => void): Promise<BackupRecord> {
    return proveBackup(target, store, record, signal, onProgress);
  }

  restoreBeside(target: ConnectionTarget, store: Store, record: BackupRecord, operationId: string, signal: AbortSignal, onProgress?: (what: string) => void) {
    return restoreBeside(target, store, record, operationId, signal, onProgress);
  }

  async swap(target: ConnectionTarget, operationId: string, guard: (replaced: Session | null) => Promise<void>, signal: AbortSignal): Promise<{ kept_as: string | null }> {
    let refusal: { error: unknown } | null = null;
    const noted = (replaced: Session | null) => guard(replaced).catch((error: unknown) => {
      refusal = { error };
      throw error;
    });
    try {
      return await exchange(sqliteTarget(target), operationId, noted, signal);
    } catch (error) {
      if (refusal !== null) throw (refusal as { error: unknown }).error;
      throw restoreFailure(error, 'restore_failed', `${target.database} was not exchanged`, target, signal);
    }
  }

  /** The same folder, so that both are on one disk. */
  async createBeside(target: ConnectionTarget, operationId: string): Promise<ConnectionTarget | null> {
    if ((await exchanged(sqliteTarget(target), operationId)) !== null) return null;
    await removeFile(await sideOf(sqliteTarget(target), operationId));
    const side = target.withDatabase(sideName(target.database, operationId));
    await this.database.createDatabase(side);
    return side;
  }

  /** A file of SQLite has nothing beside what is in it. */
  async finishBeside(): Promise<string[]> {
    return [];
  }

  replaceObstacles(target: ConnectionTarget) {
    return replaceObstacles(sqliteTarget(target));
  }

  async keptBy(target: ConnectionTarget, operationId: string): Promise<string | null> {
    return (await exchanged(sqliteTarget(target), operationId))?.kept ?? null;
  }

  async cleanUp(target: ConnectionTarget, operationId: string): Promise<void> {
    await removeFile(await sideOf(sqliteTarget(target), operationId));
  }

  replacedDatabases(target: ConnectionTarget) {
    return replacedDatabases(sqliteTarget(target));
  }

  dropReplaced(target: ConnectionTarget, name: string) {
    return dropReplaced(sqliteTarget(target), name);
  }

  restoreObstacles(target: ConnectionTarget, record: BackupRecord) {
    return restoreObstacles(sqliteTarget(target), record);
  }

  async restoreDifferences(): Promise<string[]> {
    return [];
  }
}
