/** One user of a folder at a time, by a lock that ends with its process. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isBusy } from './failure.js';
import { openFile } from './open.js';

const PAUSE_MS = 250;

/** See `DatabaseHandler.oneAtATime`: an empty database of ours per name, whose lock SQLite itself gives back after a crash. */
export async function oneAtATime<T>(name: string, { signal, waitMs }: { signal: AbortSignal; waitMs: number }, work: () => Promise<T>): Promise<T | null> {
  const folder = join(tmpdir(), `faber-db-locks-${userInfo().uid}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const connection = await openFile(join(folder, `${createHash('sha256').update(name).digest('hex').slice(0, 20)}.lock`), 'create', signal);
  try {
    for (const end = Date.now() + waitMs; ; ) {
      try {
        await connection.query('BEGIN IMMEDIATE');
        return await work();
      } catch (error) {
        if (!isBusy(error) || connection.inTransaction) throw error;
        if (Date.now() > end) return null;
        await sleep(PAUSE_MS, undefined, { signal });
      }
    }
  } finally {
    await connection.close();
  }
}
