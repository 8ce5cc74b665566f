/** Backups of PostgreSQL by its own pg_dump, restored beside the database and swapped in. */
import type { BackupRecord } from '../../../../contract/backup.js';
import type { Settings } from '../../../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler, RestoreReport, Session } from '../../../database/contract.js';
import type { BackupHandler, BackupOptions, ReplacedDatabase, Store } from '../../contract.js';
import { createBeside, finishBeside, keptBy } from './beside.js';
import { checkBackup } from '../check.js';
import { cleanUp } from './clean-up.js';
import { inMaintenance } from '../../../database/postgresql/beside/connections.js';
import { createBackup } from './create.js';
import { versionFindings } from './extensions.js';
import { replaceObstacles, restoreObstacles } from './obstacles.js';
import { preflight } from './preflight.js';
import { proveBackup } from './prove.js';
import { dropReplaced, replacedDatabases } from './replaced.js';
import { restoreBeside } from './restore.js';
import { swap } from './swap.js';

export class DumpBackupHandler implements BackupHandler {
  constructor(private readonly database: DatabaseHandler) {}

  preflight(target: ConnectionTarget, settings: Settings, store: Store): Promise<{ findings: string[] }> {
    return preflight(this.database, target, settings, store);
  }

  create(target: ConnectionTarget, store: Store, options: BackupOptions): Promise<BackupRecord> {
    return createBackup(this.database, target, store, options);
  }

  check(store: Store, record: BackupRecord, signal: AbortSignal): Promise<void> {
    return checkBackup(store, record, signal);
  }

  prove(
    target: ConnectionTarget,
    store: Store,
    record: BackupRecord,
    signal: AbortSignal,
    onProgress?: (what: string) => void,
    operationId?: string,
  ): Promise<BackupRecord> {
    return proveBackup(this.database, target, store, record, signal, onProgress, operationId);
  }

  restoreBeside(
    target: ConnectionTarget,
    store: Store,
    record: BackupRecord,
    operationId: string,
    signal: AbortSignal,
    onProgress?: (what: string) => void,
    adopt?: boolean,
  ): Promise<RestoreReport> {
    return restoreBeside(this.database, target, store, record, operationId, { signal, onProgress, adopt });
  }

  swap(
    target: ConnectionTarget,
    operationId: string,
    guard: (replaced: Session | null) => Promise<void>,
    signal: AbortSignal,
  ): Promise<{ kept_as: string | null }> {
    return swap(this.database, target, operationId, guard, signal);
  }

  createBeside(target: ConnectionTarget, operationId: string, signal: AbortSignal): Promise<ConnectionTarget | null> {
    return createBeside(this.database, target, operationId, signal);
  }

  finishBeside(target: ConnectionTarget, operationId: string, signal: AbortSignal): Promise<string[]> {
    return finishBeside(this.database, target, operationId, signal);
  }

  keptBy(target: ConnectionTarget, operationId: string): Promise<string | null> {
    return keptBy(this.database, target, operationId);
  }

  replaceObstacles(target: ConnectionTarget): Promise<string[]> {
    return replaceObstacles(this.database, target);
  }

  cleanUp(target: ConnectionTarget, operationId: string): Promise<void> {
    return cleanUp(this.database, target, operationId);
  }

  replacedDatabases(target: ConnectionTarget): Promise<ReplacedDatabase[]> {
    return replacedDatabases(this.database, target);
  }

  dropReplaced(target: ConnectionTarget, name: string): Promise<string | null> {
    return dropReplaced(this.database, target, name);
  }

  restoreDifferences(target: ConnectionTarget, record: BackupRecord): Promise<string[]> {
    return inMaintenance(this.database, target, 'restore', (session) => versionFindings(session, record));
  }

  restoreObstacles(target: ConnectionTarget, record: BackupRecord): Promise<string[]> {
    return restoreObstacles(this.database, target, record);
  }
}
