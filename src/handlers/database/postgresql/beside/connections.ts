/** Sessions and environments that dump and restore use, whatever the role or the database has set as defaults. */
import { FaberError } from '../../../../contract/failure.js';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../contract.js';
import { MAINTENANCE_DATABASES } from '../connect.js';
import { KEEPALIVE_IDLE_SECONDS, postgresTarget } from '../connection-url.js';
import { purposeName } from '../session-names.js';

/** `hold_writes` and careful roles set read-only by default; a timeout must not end a long dump or restore. */
const DEFAULTS_OFF = { default_transaction_read_only: 'off', statement_timeout: '0', idle_in_transaction_session_timeout: '0' };

/** A session free of such defaults, that names everything with its schema. */
export async function openSession(database: DatabaseHandler, target: ConnectionTarget, purpose: string): Promise<Session> {
  const session = await database.connect(target, purpose);
  try {
    for (const [name, value] of Object.entries(DEFAULTS_OFF)) await session.query('SELECT set_config($1, $2, false)', [name, value]);
    await session.query("SELECT set_config('search_path', 'pg_catalog', false), set_config('row_security', 'off', false)");
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Runs `work` in a session and closes it whatever happens. */
export async function inSession<T>(database: DatabaseHandler, target: ConnectionTarget, purpose: string, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession(database, target, purpose);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Runs `work` in a session of the same server and role, in a database that is not the target. */
export async function inMaintenance<T>(database: DatabaseHandler, target: ConnectionTarget, purpose: string, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openMaintenance(database, target, purpose);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** A session of the same server and role, in a database that is not the target. The caller closes it. */
export async function openMaintenance(database: DatabaseHandler, target: ConnectionTarget, purpose: string): Promise<Session> {
  let first: unknown;
  for (const name of MAINTENANCE_DATABASES.filter((name) => name !== target.database)) {
    try {
      return await openSession(database, target.withDatabase(name), purpose);
    } catch (error) {
      if (!(error instanceof FaberError)) throw error;
      first ??= error;
    }
  }
  throw first;
}

/**
 * PG* variables of a child process: credentials travel here and nowhere else. A new holder of the fence ends changing
 * sessions of earlier ones, and leaves those that read (a nightly backup) alone.
 */
export function childConnection(target: ConnectionTarget, purpose: string): Record<string, string> {
  const postgres = postgresTarget(target);
  const environment = postgres.environment(purposeName(purpose));
  // A pooler refuses start-up options.
  if (postgres.pgbouncer) return environment;
  const options = Object.entries(DEFAULTS_OFF).map(([name, value]) => `-c ${name}=${value}`);
  return { ...environment, PGOPTIONS: [environment['PGOPTIONS'], ...options].filter(Boolean).join(' ') };
}

/** A `--dbname` that holds any name: a plain one with `=` in it would be read as a connection string. */
export function databaseArgument(name: string): string {
  return `--dbname=dbname='${name.replace(/[\\']/g, '\\$&')}'`;
}

/** The same for a child of ours, which must not wait for ever for a server that is gone without a word. */
export function childDatabaseArgument({ database }: ConnectionTarget): string {
  return `${databaseArgument(database)} keepalives_idle=${KEEPALIVE_IDLE_SECONDS} keepalives_interval=5 keepalives_count=4 tcp_user_timeout=30000`;
}
