/** The registry of database systems: one line each. */
import { FaberError } from '../../contract/failure.js';
import type { Settings } from '../../contract/settings.js';
import type { DatabaseHandler, DatabaseHandlers } from './contract.js';
import { mysqlDatabaseHandler } from './mysql/index.js';
import { postgresDatabaseHandler } from './postgresql/index.js';
import { sqliteDatabaseHandler } from './sqlite/index.js';

const HANDLERS: Partial<Record<Settings['provider'], DatabaseHandler>> = {
  postgresql: postgresDatabaseHandler,
  mysql: mysqlDatabaseHandler,
  sqlite: sqliteDatabaseHandler,
};

/** Returns the handler of a provider. @throws FaberError unsupported, naming the providers there are. */
export const databaseHandlers: DatabaseHandlers = (provider) => {
  const handler = HANDLERS[provider];
  if (handler) return handler;
  throw new FaberError({
    code: 'unsupported',
    message: `The database provider ${provider} is not supported. Nothing was changed.`,
    suggestions: [`Supported: ${Object.keys(HANDLERS).join(', ')}. Set database.provider to one of them.`],
  });
};
