/**
 * Exchanges the side database with the one that serves. What each crash leaves, and that calling again repairs it:
 * shut out, not yet renamed: begins anew. Renamed (both or, done by hand, one): only what is left is done.
 */
import pg from 'pg';
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../../database/contract.js';
import { copyBookkeeping, freshBookkeeping } from './carry-bookkeeping.js';
import { inMaintenance } from '../../../database/postgresql/beside/connections.js';
import { endSessions } from './end-sessions.js';
import { restoreFailure } from './restore-failure.js';
import { lastSession, shutOut } from './shut-out.js';
import { keptName, sideName } from '../../../database/postgresql/beside/side-names.js';
import { databaseStates } from '../../../database/postgresql/beside/states.js';

const name = pg.escapeIdentifier;

interface Names {
  live: string;
  side: string;
  kept: string;
}

/**
 * @returns the name under which the replaced database is kept; null where there was none
 * @param guard gets the only session that is left to the database being replaced (none can be opened then), or null when it
 *   is missing or lets nobody in. It throws: nothing is exchanged.
 * @throws FaberError restore_failed, or what the guard throws. The database that served serves again then.
 */
export async function swap(
  database: DatabaseHandler,
  target: ConnectionTarget,
  operationId: string,
  guard: (replaced: Session | null) => Promise<void>,
  signal: AbortSignal,
): Promise<{ kept_as: string | null }> {
  const names: Names = { live: target.database, side: sideName(target.database, operationId), kept: keptName(target.database, operationId) };
  const progress: Progress = { shutOut: false, renaming: false, refusal: null };
  try {
    await inMaintenance(database, target, 'swap', (session) => exchange(database, target, session, names, operationId, guard, signal, progress));
  } catch (error) {
    // Also after a connection that broke around COMMIT: what the catalog says counts, not what we heard.
    const done = progress.shutOut || progress.renaming ? await inMaintenance(database, target, 'swap', (session) => settle(session, names)) : false;
    if (progress.refusal) throw progress.refusal.error;
    if (!done || !progress.renaming) throw restoreFailure(error, 'restore_failed', `${names.side} was not put in the place of ${names.live}`, target, signal);
  }
  // The exchange is done: not being told whether there was a database before is no failure, and looking for one in vain costs little.
  const kept = await inMaintenance(database, target, 'swap', async (session) => (await databaseStates(session, [names.kept])).has(names.kept)).catch(() => true);
  return { kept_as: kept ? names.kept : null };
}

/** How far this attempt came: decides what has to be put right when it breaks off. */
interface Progress {
  shutOut: boolean;
  renaming: boolean;
  /** What the guard threw. */
  refusal: { error: unknown } | null;
}

async function exchange(
  database: DatabaseHandler,
  target: ConnectionTarget,
  session: Session,
  names: Names,
  operationId: string,
  guard: (replaced: Session | null) => Promise<void>,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const states = await databaseStates(session, Object.values(names));
  if (states.has(names.kept)) return void (await settle(session, names));
  if (!states.has(names.side)) {
    throw new FaberError({ code: 'restore_failed', message: `There is no restored database ${names.side} to put in the place of ${names.live}`, result: { reason: 'nothing was restored' } });
  }
  const there = states.has(names.live);
  const replaced = there ? await lastSession(database, target, session, names.live, states.get(names.live)!.open) : null;
  try {
    if (there) {
      progress.shutOut = true;
      await shutOut(session, names.live, replaced, operationId);
    }
    signal.throwIfAborted();
    await guard(replaced).catch((error: unknown) => {
      progress.refusal = { error };
      throw error;
    });
    const side = target.withDatabase(names.side);
    await (replaced ? copyBookkeeping(database, replaced, side) : freshBookkeeping(database, side));
  } finally {
    await replaced?.close();
  }
  await barrier('swap-before-renames', signal);
  if (there) await endSessions(session, names.live, null);
  await endSessions(session, names.side, null);
  signal.throwIfAborted();
  progress.renaming = true;
  await rename(session, names, there);
  await barrier('swap-after-renames', signal);
  await settle(session, names);
}

/** Both names change at the same instant: nobody ever finds no database, or the old one, under the name. */
async function rename(session: Session, names: Names, there: boolean): Promise<void> {
  await session.query('BEGIN');
  try {
    if (there) {
      const live = (await databaseStates(session, [names.live])).get(names.live);
      // We stood still, and another attempt or a clean-up let the application in again: what it wrote since must stay.
      if (live?.open !== false) throw new FaberError({ code: 'restore_failed', message: `${names.live} was opened again by someone else. Nothing was exchanged`, result: { reason: 'opened again' } });
      await session.query(`ALTER DATABASE ${name(names.live)} RENAME TO ${name(names.kept)}`);
    }
    await session.query(`ALTER DATABASE ${name(names.side)} RENAME TO ${name(names.live)}`);
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/**
 * Brings any state to one in which a database serves under the name.
 * @returns whether the exchange has happened.
 */
async function settle(session: Session, names: Names): Promise<boolean> {
  const states = await databaseStates(session, Object.values(names));
  const exchanged = states.has(names.kept) || (states.has(names.live) && !states.has(names.side));
  if (states.has(names.kept) && !states.has(names.live) && states.has(names.side)) {
    await session.query(`ALTER DATABASE ${name(names.side)} RENAME TO ${name(names.live)}`);
    states.set(names.live, { open: true });
  }
  for (const one of [names.live, names.kept]) {
    if (states.get(one)?.open === false) await session.query(`ALTER DATABASE ${name(one)} ALLOW_CONNECTIONS true`);
  }
  return exchanged;
}
