/** Recognises a connection pooler in transaction mode, behind which session state cannot be relied on. */
import { FaberError } from '../../../contract/failure.js';
import { ScriptError } from '../contract.js';
import { openSession, type PostgresSession } from './session.js';
import { readingName } from './session-names.js';

/** Why sessions of the target are not its own, or null when nothing says so. */
export async function poolerReason(session: PostgresSession): Promise<string | null> {
  const { target } = session;
  if (target.pgbouncer) return 'the URL says pgbouncer=true';
  if (!session.behindPooler) return null;
  // Set afterwards it would stay on the pooler's own connection, for whoever gets that next.
  if (session.optionsRefused && target.schemaGiven) return 'a pooler in between refuses the startup options that ?schema= needs';
  try {
    return (await sharesBackends(session)) ? 'two connections were served by one server session: a pooler in transaction mode is in between' : null;
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    return 'a pooler in between ends transactions: it is in statement mode';
  }
}

/**
 * Holds a transaction open on a second connection, and asks for the server's process on the first: a pooler in session
 * mode keeps the first one's process for it, one in transaction mode gave it away or must take another.
 */
async function sharesBackends(session: PostgresSession): Promise<boolean> {
  const other = await openSession(session.target, readingName('pooler probe'));
  try {
    await other.query('BEGIN');
    const theirs = await backendPid(other);
    const ours = await backendPid(session);
    return theirs === session.id || ours !== session.id;
  } finally {
    await other.close();
  }
}

async function backendPid(session: PostgresSession): Promise<number> {
  const [row] = await session.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
  return row!.pid;
}

/** @throws FaberError unsupported when the target is reached through such a pooler. */
export async function refusePooler(session: PostgresSession): Promise<void> {
  const reason = await poolerReason(session);
  if (reason === null) return;
  throw new FaberError({
    code: 'unsupported',
    message: `The database ${session.target.describe()} cannot be changed through this connection: ${reason}. Nothing was changed.`,
    suggestions: ['Name the variable with the direct URL as `direct_connection_string_env` of the environment.'],
  });
}
