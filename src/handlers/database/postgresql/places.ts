/** A server, database or role whose every connection is taken: a place may come free at any moment, or is made free. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { FOREIGN } from './session-names.js';

/** Waited for; a pool gives its connections back within milliseconds, or keeps them for good. */
const PATIENCE_MS = 1_000;
/** An application whose session is ended connects again at once, and may be faster than we are. */
const MAKING_ROOM_MS = 20_000;
const PAUSE_MS = 100;

export const TOO_MANY_CONNECTIONS = '53300';

/**
 * Opens a connection, again and again while every place is taken.
 * @param elsewhere opens one to another database of the server, where room must be made; null: others are left alone
 * @throws the last error
 */
export async function inFreePlace<T>(database: string, open: () => Promise<T>, elsewhere: (() => Promise<pg.Client>) | null): Promise<T> {
  const begun = performance.now();
  let other: pg.Client | null = null;
  try {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await open();
      } catch (error) {
        if ((error as { code?: unknown }).code !== TOO_MANY_CONNECTIONS) throw error;
        if (performance.now() - begun > (elsewhere === null ? PATIENCE_MS : MAKING_ROOM_MS)) throw error;
        // Where the whole server is full, it is full there too: then only waiting is left.
        if (elsewhere !== null) other ??= await elsewhere().catch(() => null);
        if (other === null) await sleep(PAUSE_MS);
        else await endSome(other, database, 2 ** Math.min(attempt, 6));
      }
    }
  } finally {
    other?.end().catch(() => {});
  }
}

/** Idle ones first: nobody notices but their pool. Those of roles that we may not end are passed over. */
async function endSome(elsewhere: pg.Client, database: string, most: number): Promise<void> {
  const { rows } = await elsewhere.query<{ pid: number }>(
    `SELECT pid FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND usesysid IS NOT NULL AND ${FOREIGN}
     ORDER BY state = 'idle' DESC NULLS LAST, state_change LIMIT $2`,
    [database, most],
  );
  for (const { pid } of rows) await elsewhere.query('SELECT pg_catalog.pg_terminate_backend($1)', [pid]).catch(() => undefined);
  await sleep(5);
}
