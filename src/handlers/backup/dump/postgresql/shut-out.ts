/** The door of a database that is about to be replaced: nobody gets in any more, and one session of ours stays. */
import pg from 'pg';
import { FaberError } from '../../../../contract/failure.js';
import { letsNobodyIn, type ConnectionTarget, type DatabaseHandler, type Session } from '../../../database/contract.js';
import { openSession } from '../../../database/postgresql/beside/connections.js';
import { claim, inOwnTransaction } from '../../../database/postgresql/beside/own-work.js';
import { endSessions } from './end-sessions.js';

const name = pg.escapeIdentifier;

/**
 * Lets no new connections in and ends all sessions but `replaced`.
 * @param session of the same server, in another database
 * @throws FaberError restore_failed when sessions cannot be ended; fenced_off when another operation has taken over
 */
export async function shutOut(session: Session, live: string, replaced: Session | null, operationId: string): Promise<void> {
  const shut = await inOwnTransaction(session, () => session.query(`ALTER DATABASE ${name(live)} ALLOW_CONNECTIONS false`));
  await endSessions(session, live, replaced?.id ?? null);
  if (!replaced) return;
  await claim(replaced, operationId, [shut]);
  await requireFence(replaced, operationId);
}

/**
 * An attempt that stood still for long may wake up after another operation has taken over: its swap would undo that one's work.
 * Nobody can take the fence between this look and the renames, since nobody can connect.
 */
async function requireFence(replaced: Session, operationId: string): Promise<void> {
  const [table] = await replaced.query<{ there: boolean }>("SELECT to_regclass('faber_db.fence') IS NOT NULL AS there");
  if (!table?.there) return;
  const [holder] = await replaced.query<{ operation_id: string | null }>('SELECT operation_id FROM faber_db.fence');
  if (holder?.operation_id == null || holder.operation_id === operationId) return;
  throw new FaberError({
    code: 'fenced_off',
    message: `The operation ${holder.operation_id} has taken over the database. Nothing was exchanged`,
    result: { holder: holder.operation_id },
  });
}

/** A session to the database being replaced, while there still can be one. Null when it lets nobody in. */
export async function lastSession(database: DatabaseHandler, target: ConnectionTarget, session: Session, live: string, open: boolean): Promise<Session | null> {
  // A crashed attempt has shut the door: the guard and the bookkeeping need one more session.
  if (!open) await session.query(`ALTER DATABASE ${name(live)} ALLOW_CONNECTIONS true`);
  try {
    // The application may hold every place that the database has.
    return await openSession(database, target.insisting(), 'swap');
  } catch (error) {
    if (letsNobodyIn(error)) return null;
    throw error;
  }
}
