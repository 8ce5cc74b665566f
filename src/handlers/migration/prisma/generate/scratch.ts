/** A scratch database beside the target, which never survives. */
import { FaberError } from '../../../../contract/failure.js';
import { inMaintenance } from '../../../backup/dump/connections.js';
import { createLike, dropDatabase } from '../../../backup/dump/create-database.js';
import { readProperties } from '../../../backup/dump/properties.js';
import { scratchName } from '../../../backup/dump/side-names.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';

/**
 * Runs `work` with an empty database of the target's locale, owned by the role itself, and drops it whatever happens. Its name
 * follows from the operation, so that an attempt finds and drops what a killed one left.
 * @throws ScriptError when it cannot be created; whatever `work` throws; the reason of the signal when aborted
 */
export async function withScratch<T>(
  database: DatabaseHandler, target: ConnectionTarget, use: { id: string; signal: AbortSignal }, work: (scratch: ConnectionTarget) => Promise<T>,
): Promise<T> {
  const name = scratchName(target.database, use.id);
  return inMaintenance(database, target, 'compare', async (session) => {
    use.signal.throwIfAborted();
    const [me] = await session.query<{ name: string }>('SELECT current_user::text AS name');
    const like = await readProperties(session, target.database, true);
    if (like === null) throw missing(target);
    // What runs in it ends with it, however long it would have taken.
    const end = () => void dropDatabase(session, name).catch(() => undefined);
    use.signal.addEventListener('abort', end, { once: true });
    try {
      await createLike(session, name, { ...like, owner: me!.name, tablespace: 'pg_default' });
      return await work(target.withDatabase(name));
    } catch (error) {
      use.signal.throwIfAborted();
      throw error;
    } finally {
      use.signal.removeEventListener('abort', end);
      await dropDatabase(session, name);
    }
  });
}

function missing(target: ConnectionTarget): FaberError {
  return new FaberError({
    code: 'health_check_failed',
    message: `The database ${target.describe()} is not there; the scratch database is made after it. Nothing was written.`,
    suggestions: ['Create it (it may be empty), or name another environment: --environment'],
  });
}
