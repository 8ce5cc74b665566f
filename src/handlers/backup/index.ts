/** The one place that knows which backups there are: adding one is a folder and a line here. */
import type { Settings } from '../../contract/settings.js';
import type { DatabaseHandler } from '../database/contract.js';
import type { BackupHandler, BackupKind } from './contract.js';
import { MysqlDumpBackupHandler } from './dump/mysql/index.js';
import { DumpBackupHandler } from './dump/postgresql/index.js';
import { SqliteBackupHandler } from './dump/sqlite/index.js';

export { openStore, stores } from './store/open.js';

const DUMPS: Record<Settings['provider'], new (database: DatabaseHandler) => BackupHandler> = {
  postgresql: DumpBackupHandler,
  mysql: MysqlDumpBackupHandler,
  sqlite: SqliteBackupHandler,
};

/** @throws FaberError unsupported where the method is not for this database system or host */
export async function backupHandlers(kind: BackupKind, database: DatabaseHandler): Promise<BackupHandler> {
  const dump = new DUMPS[kind.provider](database);
  if (kind.backup.method !== 'snapshot') return dump;
  // Only here: most workers have no use for the SDK, and each would pay for loading it.
  const { snapshotHandler } = await import('./snapshot/index.js');
  return snapshotHandler(kind, database, dump) ?? dump;
}
