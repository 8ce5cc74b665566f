/** One generation a project at a time: two would write the same change twice. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../../contract/failure.js';
import { inMaintenance } from '../../../database/postgresql/beside/connections.js';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../../database/contract.js';

/** `fabg` in ASCII: the first key of the locks. */
const LOCK_CLASS = 0x66616267;
const PAUSE_MS = 250;
const WAIT_MS = 300_000;

/**
 * Runs `work` while a session of the server holds an advisory lock for the folder: with the worker the session ends, and with it
 * the lock, where a lock file would stay.
 * @throws FaberError lock_timeout
 */
export async function oneAtATime<T>(database: DatabaseHandler, target: ConnectionTarget, folder: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return inMaintenance(database, target, 'compare', async (session) => {
    const key = createHash('sha256').update(folder).digest().readInt32BE();
    for (const end = Date.now() + WAIT_MS; !(await tryLock(session, key)); ) {
      if (Date.now() > end) throw timedOut(folder);
      await sleep(PAUSE_MS, undefined, { signal });
    }
    return work();
  });
}

async function tryLock(session: Session, key: number): Promise<boolean> {
  const [lock] = await session.query<{ free: boolean }>('SELECT pg_catalog.pg_try_advisory_lock($1::int, $2::int) AS free', [LOCK_CLASS, key]);
  return lock?.free === true;
}

function timedOut(folder: string): FaberError {
  return new FaberError({
    code: 'lock_timeout',
    message: `Waited ${WAIT_MS / 1000} s for another operation that generates a migration in ${folder}. Nothing was written.`,
    suggestions: ['faber-db list shows what runs'],
  });
}
