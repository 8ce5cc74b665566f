/** Checks of the data: queries that must find nothing. Nothing is written. */
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type RowsFound } from '../contract.js';
import { underDeadline } from './deadline.js';
import { readingName, withSession } from './session.js';
import type { MysqlTarget } from './url.js';

const MOST_COUNTED = 1000;

/**
 * Counts what a query finds: one statement inside a query of ours, in a READ ONLY transaction.
 * @throws FaberError phase_failed when it cannot run; the reason of the signal when aborted
 */
export async function rowsFound(target: MysqlTarget, query: string, options: { timeoutSeconds: number; signal: AbortSignal }): Promise<RowsFound> {
  const text = query.trim().replace(/;$/, '');
  return withSession(target, readingName('integrity'), async (session) => {
    try {
      return await underDeadline(session, options, async (proceed) => {
        await session.query('START TRANSACTION READ ONLY');
        const [found] = await session.query<{ rows: string }>(`SELECT COUNT(*) AS \`rows\` FROM (SELECT 1 FROM (${text}\n) AS found LIMIT ${MOST_COUNTED + 1}) AS counted`);
        proceed();
        const rows = Number(found!.rows);
        return { rows: Math.min(rows, MOST_COUNTED), more: rows > MOST_COUNTED };
      });
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof ScriptError)) throw error;
      const { sqlState, message } = error.failure;
      throw new FaberError({ code: 'phase_failed', message: `it cannot run (${sqlState ?? 'no SQLSTATE'}: ${message})`, suggestions: ['It must be one query whose columns have different names, without a comment after its last semicolon, and only read'] }, { cause: error });
    }
  });
}
