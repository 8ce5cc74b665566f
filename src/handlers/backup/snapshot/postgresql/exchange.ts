/** The database's part of an exchange of servers: nobody writes any more, the bookkeeping moves along, then the names change. */
import type { ConnectionTarget, DatabaseHandler, Session } from '../../../database/contract.js';
import { inMaintenance } from '../../../database/postgresql/beside/connections.js';
import { databaseStates } from '../../../database/postgresql/beside/states.js';
import { copyBookkeeping, freshBookkeeping } from '../../dump/postgresql/carry-bookkeeping.js';
import { endSessions } from '../../dump/postgresql/end-sessions.js';
import { lastSession, shutOut } from '../../dump/postgresql/shut-out.js';
import type { Exchange } from '../database.js';

/** @param reopen lets the application in again: whatever breaks off before the rename must not leave it outside */
export async function exchange(database: DatabaseHandler, target: ConnectionTarget, what: Exchange, reopen: () => Promise<void>): Promise<void> {
  try {
    await inMaintenance(database, target, 'swap', (session) => shutAndCarry(database, target, session, what));
    what.signal.throwIfAborted();
  } catch (error) {
    // What went wrong matters more than a door that the next attempt, or cleanUp, opens.
    await reopen().catch(() => undefined);
    throw error;
  }
  await what.rename();
}

async function shutAndCarry(database: DatabaseHandler, target: ConnectionTarget, session: Session, { operationId, side, guard, signal }: Exchange): Promise<void> {
  const state = (await databaseStates(session, [target.database])).get(target.database);
  const replaced = state === undefined ? null : await lastSession(database, target, session, target.database, state.open);
  try {
    if (state !== undefined) await shutOut(session, target.database, replaced, operationId);
    signal.throwIfAborted();
    await guard(replaced);
    await (replaced ? copyBookkeeping(database, replaced, side) : freshBookkeeping(database, side));
  } finally {
    await replaced?.close();
  }
  if (state !== undefined) await endSessions(session, target.database, null);
}
