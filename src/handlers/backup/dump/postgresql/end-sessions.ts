/** Ends the sessions of a database to which no new ones are let in. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../../contract/failure.js';
import type { Session } from '../../../database/contract.js';
import { INSUFFICIENT_PRIVILEGE, sqlState } from '../../../database/postgresql/beside/sql-state.js';

const PAUSE_MS = 50;
/** A backend in the middle of a large commit may need some seconds; the application is shut out meanwhile. */
const PATIENCE_MS = 15_000;
/** When none of those left can be ended by us, waiting longer only lengthens the outage. */
const DENIED_PATIENCE_MS = 1_000;

/**
 * Ends all sessions but `spared` and waits until they are gone.
 * @throws FaberError restore_failed when some cannot be ended, naming their roles.
 */
export async function endSessions(session: Session, database: string, spared: number | null): Promise<void> {
  const begun = performance.now();
  for (;;) {
    const { left, denied } = await endOnce(session, database, spared);
    if (left.length === 0) return;
    const patience = denied.length === left.length ? DENIED_PATIENCE_MS : PATIENCE_MS;
    if (performance.now() - begun > patience) throw stillConnected(database, [...new Set(left)], denied.length > 0);
    await sleep(PAUSE_MS);
  }
}

/** Tells every session but `spared` to end, once. @returns the roles of the sessions there were, and of those that we may not end. */
async function endOnce(session: Session, database: string, spared: number | null): Promise<{ left: string[]; denied: string[] }> {
  // Workers of the server itself (autovacuum) have no role; the rename sends those away.
  const left = await session.query<{ pid: number; role: string }>(
    'SELECT pid, usename::text AS role FROM pg_stat_activity WHERE datname = $1 AND usename IS NOT NULL AND pid <> pg_backend_pid() AND pid <> $2',
    [database, spared ?? 0],
  );
  const denied: string[] = [];
  for (const { pid, role } of left) if (!(await end(session, pid))) denied.push(role);
  return { left: left.map(({ role }) => role), denied };
}

/** @returns false when this role may not end that session. */
async function end(session: Session, pid: number): Promise<boolean> {
  try {
    await session.query('SELECT pg_terminate_backend($1)', [pid]);
    return true;
  } catch (error) {
    if (sqlState(error) === INSUFFICIENT_PRIVILEGE) return false;
    throw error;
  }
}

function stillConnected(database: string, roles: string[], denied: boolean): FaberError {
  return new FaberError({
    code: 'restore_failed',
    message: `Sessions of ${roles.join(', ')} in ${database} could not be ended${denied ? ': the role of the connection may not' : ' in time'}. Nothing was exchanged`,
    result: { reason: 'sessions could not be ended', roles },
    suggestions: denied ? ['GRANT pg_signal_backend TO the role of the connection, or close these sessions'] : ['Close these sessions and try again'],
  });
}
