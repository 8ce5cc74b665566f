/** Says in a database whose it is, as an approved operation would. */
import { databaseHandlers } from '../../src/handlers/database/index.js';
import type { TestDatabase } from './postgres.js';

export async function markAs(database: TestDatabase, environment: string): Promise<void> {
  const handler = databaseHandlers('postgresql');
  await handler.bookkeeping.ensure(handler.target(database.url));
  await database.query('INSERT INTO faber_db.marker (environment) VALUES ($1)', [environment]);
}
