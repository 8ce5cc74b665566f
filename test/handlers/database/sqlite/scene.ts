import { databaseHandlers } from '../../../../src/handlers/database/index.js';
import type { SqliteTarget } from '../../../../src/handlers/database/sqlite/connection-url.js';
import type { ChangeOptions, Fence } from '../../../../src/handlers/database/contract.js';
import { sqliteFile } from '../../../support/sqlite.js';

export const database = databaseHandlers('sqlite');

export const options = (more: Partial<ChangeOptions> = {}): ChangeOptions => ({ signal: new AbortController().signal, lockTimeoutSeconds: 5, timeoutSeconds: 30, ...more });

export async function scene(file: { wal?: boolean } = {}) {
  const db = await sqliteFile(file);
  const target = database.target(db.url) as SqliteTarget;
  const fence = await database.bookkeeping.takeFence(target, 'op-1', options());
  const run = (sql: string, more: Parameters<typeof database.inTransaction>[2] = options(), by: Fence = fence) => database.inTransaction(target, by, more, (session) => session.script(sql));
  return { db, target, fence, run };
}
