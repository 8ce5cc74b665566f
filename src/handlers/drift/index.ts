/** The registry: one line a database system. */
import { FaberError } from '../../contract/failure.js';
import type { DriftHandlers } from './contract.js';
import { MysqlDriftHandler } from './mysql/index.js';
import { PostgresDriftHandler } from './postgresql/index.js';
import { SqliteDriftHandler } from './sqlite/index.js';

/** @throws FaberError unsupported for a provider whose schemas cannot be compared. */
export const driftHandlers: DriftHandlers = (provider, database) => {
  if (provider === 'postgresql') return new PostgresDriftHandler(database);
  if (provider === 'sqlite') return new SqliteDriftHandler(database);
  if (provider === 'mysql') return new MysqlDriftHandler(database);
  throw new FaberError({ code: 'unsupported', message: `Drift of ${provider} cannot be found`, suggestions: ['Use a postgresql database'] });
};
