/** What a step did whose connection broke. */
import type { DatabaseHandler } from '../../../database/contract.js';
import type { StepContext } from '../../contract.js';
import { ledgerOf } from './ledger-table.js';
import { holdPrismaOff } from './running.js';

/**
 * Whether the ledger row of a step is there and counts, asked after the session that wrote it is gone. That session may
 * still be committing on the server: it holds Prisma's advisory lock until its transaction ends, so the answer is read
 * under that lock.
 * @throws FaberError health_check_failed when the database cannot be reached, lock_timeout when the old session does not
 *   end: the outcome stays unknown then, and the next attempt reads it.
 */
export async function finishedAfterAll(database: DatabaseHandler, context: StepContext, id: string): Promise<boolean> {
  const session = await database.connect(context.target, 'outcome');
  try {
    await holdPrismaOff(session, { ...context, lockTimeoutSeconds: context.timeoutSeconds });
    const rows = await session.query(
      `SELECT FROM ${ledgerOf(context.target.schema)} WHERE id = $1 AND finished_at IS NOT NULL AND rolled_back_at IS NULL`,
      [id],
    );
    return rows.length > 0;
  } finally {
    // Ends the advisory lock too.
    await session.close();
  }
}
