/** What a step did whose process was ended: SQLite has taken back what was not committed by the time that anybody reads. */
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';

/** @throws FaberError health_check_failed when the database cannot be read: the outcome stays unknown, and the next attempt reads it. */
export async function isProven(database: DatabaseHandler, target: ConnectionTarget, proof: string): Promise<boolean> {
  const session = await database.connect(target, 'outcome');
  try {
    return (await session.query(proof)).length > 0;
  } finally {
    await session.close();
  }
}
