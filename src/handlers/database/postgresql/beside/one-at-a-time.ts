/** One user of a name at a time. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../contract.js';
import { inMaintenance } from './connections.js';

/** `fabg` in ASCII: the first key of the locks. */
const LOCK_CLASS = 0x66616267;
const PAUSE_MS = 250;

/** See `DatabaseHandler.oneAtATime`: a session of the server holds an advisory lock, which ends with it. */
export async function oneAtATime<T>(
  database: DatabaseHandler, target: ConnectionTarget, name: string, { signal, waitMs }: { signal: AbortSignal; waitMs: number }, work: () => Promise<T>,
): Promise<T | null> {
  return inMaintenance(database, target, 'compare', async (session) => {
    const key = createHash('sha256').update(name).digest().readInt32BE();
    for (const end = Date.now() + waitMs; !(await tryLock(session, key)); ) {
      if (Date.now() > end) return null;
      await sleep(PAUSE_MS, undefined, { signal });
    }
    return work();
  });
}

async function tryLock(session: Session, key: number): Promise<boolean> {
  const [lock] = await session.query<{ free: boolean }>('SELECT pg_catalog.pg_try_advisory_lock($1::int, $2::int) AS free', [LOCK_CLASS, key]);
  return lock?.free === true;
}
