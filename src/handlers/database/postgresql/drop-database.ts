/** Drops a database, whoever is in it. */
import pg from 'pg';
import { ScriptError, type Session } from '../contract.js';

const INSUFFICIENT_PRIVILEGE = '42501';
const OBJECT_IN_USE = '55006';
const TRIES = 3;

/** Sessions that this role may end. */
const END_SESSIONS = `
  SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
   WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid() AND usesysid IS NOT NULL AND pg_catalog.pg_has_role(usesysid, 'USAGE')`;

/**
 * With FORCE, since a session of a paused earlier attempt must not keep it. FORCE is refused to an ordinary role while autovacuum
 * works there (it has no role that one could be a member of): the plain statement sends autovacuum away, and is refused in turn while
 * sessions are there, so those are ended first. Not there: nothing happens.
 * @throws ScriptError 42501 when the role may not drop it or end its sessions; 55006 when sessions keep coming.
 */
export async function dropWhoeverIsIn(session: Session, database: string): Promise<void> {
  const drop = `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)}`;
  for (let attempt = 1; ; attempt++) {
    try {
      await session.query(`${drop} WITH (FORCE)`);
      return;
    } catch (error) {
      if (stateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    }
    await session.query(END_SESSIONS, [database]);
    try {
      await session.query(drop);
      return;
    } catch (error) {
      if (stateOf(error) !== OBJECT_IN_USE || attempt === TRIES) throw error;
    }
  }
}

const stateOf = (error: unknown) => (error instanceof ScriptError ? error.failure.sqlState : null);
