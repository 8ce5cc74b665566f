/** Checks of the data: queries that must find nothing, and what SQLite finds wrong with the file. Nothing is written. */
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type RowsFound } from '../contract.js';
import type { SqliteTarget } from './connection-url.js';
import { underDeadline } from './deadline.js';
import { violations } from './foreign-keys.js';
import { withTarget } from './open.js';

const MOST_COUNTED = 1000;

/** See `DatabaseHandler.rowsFound`. The connection reads only; inside of a query of ours there is no second statement. */
export async function rowsFound(target: SqliteTarget, query: string, options: { timeoutSeconds: number; signal: AbortSignal }): Promise<RowsFound> {
  const text = query.trim().replace(/;$/, '');
  return withTarget(target, 'read', async (connection) => {
    try {
      await connection.query('PRAGMA query_only = ON');
      const [found] = await underDeadline(connection.process, options, () => connection.query<{ rows: number }>(`SELECT count(*) AS rows FROM (SELECT 1 FROM (${text}\n) LIMIT ?)`, [MOST_COUNTED + 1]));
      return { rows: Math.min(found!.rows, MOST_COUNTED), more: found!.rows > MOST_COUNTED };
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof ScriptError)) throw error;
      const { sqlState, message } = error.failure;
      throw new FaberError({ code: 'phase_failed', message: `it cannot run (${sqlState ?? 'no code'}: ${message})`, suggestions: ['It must be one query, without a comment after its last semicolon, and only read'] }, { cause: error });
    }
  });
}

/** See `DatabaseHandler.uncheckedObjects`: SQLite enforces foreign keys only for connections that ask for it. */
export async function uncheckedObjects(target: SqliteTarget): Promise<string[]> {
  const found = await withTarget(target, 'read', violations);
  return [...found].slice(0, 20).map(([which, rows]) => `${rows} row(s) refer to none: ${which}`);
}
