/** Checks of the data: queries that must find nothing, and what the catalog knows to be unchecked. Nothing is written. */
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type RowsFound } from '../contract.js';
import type { PostgresTarget } from './connection-url.js';
import { withSession } from './session.js';
import { readingName } from './session-names.js';

const MOST_COUNTED = 1000;

/**
 * Counts what a query finds. It runs as one statement of the extended protocol inside a query of ours, in a READ ONLY transaction:
 * neither a second statement nor a function in it can write.
 * @throws FaberError phase_failed when it cannot run; the reason of the signal when aborted
 */
export async function rowsFound(target: PostgresTarget, query: string, options: { timeoutSeconds: number; signal: AbortSignal }): Promise<RowsFound> {
  const text = query.trim().replace(/;$/, '');
  return withSession(target, readingName('integrity'), async (session) => {
    const end = () => void session.close();
    options.signal.addEventListener('abort', end, { once: true });
    try {
      await session.query('BEGIN READ ONLY');
      await session.query(`SET LOCAL statement_timeout = ${Math.ceil(options.timeoutSeconds * 1000)}`);
      const [found] = await session.query<{ rows: number }>(`SELECT pg_catalog.count(*)::int AS rows FROM (SELECT FROM (${text}\n) AS found LIMIT $1) AS counted`, [MOST_COUNTED + 1]);
      await session.query('ROLLBACK');
      return { rows: Math.min(found!.rows, MOST_COUNTED), more: found!.rows > MOST_COUNTED };
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof ScriptError)) throw error;
      const { sqlState, message } = error.failure;
      throw new FaberError({ code: 'phase_failed', message: `it cannot run (${sqlState ?? 'no SQLSTATE'}: ${message})`, suggestions: ['It must be one query, without a comment after its last semicolon, and only read'] }, { cause: error });
    } finally {
      options.signal.removeEventListener('abort', end);
    }
  });
}

/** What the server does not vouch for: constraints that were never validated, indexes that it does not use. */
export async function uncheckedObjects(target: PostgresTarget): Promise<string[]> {
  const rows = await withSession(target, readingName('integrity'), (session) => session.query<{ what: string }>(UNCHECKED));
  return rows.map((row) => row.what);
}

const UNCHECKED = `
  SELECT 'constraint ' || conname || ' of ' || conrelid::regclass::text || ' is NOT VALID: rows from before it were never checked' AS what
    FROM pg_catalog.pg_constraint WHERE NOT convalidated AND conrelid <> 0
  UNION ALL
  SELECT 'index ' || indexrelid::regclass::text || ' is INVALID: the server does not use it'
    FROM pg_catalog.pg_index WHERE NOT indisvalid
  ORDER BY 1 LIMIT 20`;
