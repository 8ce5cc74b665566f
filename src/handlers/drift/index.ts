/** The registry: one line a database system. */
import type { DatabaseHandler } from '../database/contract.js';
import type { Settings } from '../../contract/settings.js';
import type { DriftHandler, DriftHandlers } from './contract.js';
import { MysqlDriftHandler } from './mysql/index.js';
import { PostgresDriftHandler } from './postgresql/index.js';
import { SqliteDriftHandler } from './sqlite/index.js';

const HANDLERS: Record<Settings['provider'], new (database: DatabaseHandler) => DriftHandler> = {
  postgresql: PostgresDriftHandler,
  mysql: MysqlDriftHandler,
  sqlite: SqliteDriftHandler,
};

export const driftHandlers: DriftHandlers = (provider, database) => new HANDLERS[provider](database);
