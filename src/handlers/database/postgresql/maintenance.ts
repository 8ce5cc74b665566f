/** Sessions in a database of the server that is not the target: which may be missing, or let nobody in. */
import { FaberError } from '../../../contract/failure.js';
import { MAINTENANCE_DATABASES } from './connect.js';
import type { PostgresTarget } from './connection-url.js';
import { openSession, type PostgresSession } from './session.js';
import { purposeName } from './session-names.js';

/** @throws FaberError health_check_failed of the first that was tried */
export async function withMaintenance<T>(target: PostgresTarget, purpose: string, work: (session: PostgresSession) => Promise<T>): Promise<T> {
  const session = await open(target, purpose);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

async function open(target: PostgresTarget, purpose: string): Promise<PostgresSession> {
  let first: unknown;
  for (const name of MAINTENANCE_DATABASES.filter((other) => other !== target.database)) {
    try {
      return await openSession(target.withDatabase(name), purposeName(purpose));
    } catch (error) {
      if (!(error instanceof FaberError)) throw error;
      first ??= error;
    }
  }
  throw first;
}
