/** The one place that knows which backups there are: adding one is a folder and a line here. */
import { FaberError } from '../../contract/failure.js';
import type { Settings } from '../../contract/settings.js';
import type { DatabaseHandler } from '../database/contract.js';
import type { BackupHandler, BackupKind } from './contract.js';
import { snapshotHandler } from './snapshot/index.js';
import { MysqlDumpBackupHandler } from './dump/mysql/index.js';
import { DumpBackupHandler } from './dump/postgresql/index.js';
import { SqliteBackupHandler } from './dump/sqlite/index.js';

export { openStore, stores } from './store/open.js';

/** @throws FaberError unsupported for a provider without backups. */
export function backupHandlers(kind: BackupKind, database: DatabaseHandler): BackupHandler {
  const dump = dumps(kind.provider, database);
  return snapshotHandler(kind, database, dump) ?? dump;
}

function dumps(provider: Settings['provider'], database: DatabaseHandler): BackupHandler {
  if (provider === 'postgresql') return new DumpBackupHandler(database);
  if (provider === 'sqlite') return new SqliteBackupHandler(database);
  if (provider === 'mysql') return new MysqlDumpBackupHandler(database);
  throw new FaberError({ code: 'unsupported', message: `Backups of ${provider} are not supported`, suggestions: ['Use a postgresql database'] });
}
