/** One user of a name at a time. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readingName, withSession } from './session.js';
import type { MysqlTarget } from './url.js';

const PAUSE_MS = 250;

/** See `DatabaseHandler.oneAtATime`: a session of the server holds a user lock, which ends with it. Such a name has 64 characters at most. */
export async function oneAtATime<T>(target: MysqlTarget, name: string, { signal, waitMs }: { signal: AbortSignal; waitMs: number }, work: () => Promise<T>): Promise<T | null> {
  const lock = `faber-db-once ${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
  return withSession(target, readingName('once'), async (session) => {
    for (const end = Date.now() + waitMs; ; ) {
      const [row] = await session.query<{ got: number | null }>('SELECT GET_LOCK(?, 0) AS got', [lock]);
      if (row?.got === 1) return work();
      if (Date.now() > end) return null;
      await sleep(PAUSE_MS, undefined, { signal });
    }
  }, { serverOnly: true });
}
