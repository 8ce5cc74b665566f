/** Waiting for other runners, and for what a broken connection left running on the server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../../contract/failure.js';
import type { Session } from '../../../database/contract.js';
import type { StepContext } from '../../contract.js';
import { PRISMA_LOCK } from './ledger-table.js';

/** Milliseconds between looks. */
const PAUSE = 250;

/**
 * Holds Prisma's CLI off until the session closes. By trying, not by waiting: a session that waits for the lock in a
 * statement would be waited for by CREATE INDEX CONCURRENTLY itself.
 * @throws FaberError lock_timeout.
 */
export async function holdPrismaOff(session: Session, context: Pick<StepContext, 'lockTimeoutSeconds' | 'signal' | 'onWait'>): Promise<void> {
  await until(context, context.lockTimeoutSeconds, 'another runner of Prisma migrations', () => tryLock(session, PRISMA_LOCK));
}

async function tryLock(session: Session, key: number): Promise<boolean> {
  const [lock] = await session.query<{ free: boolean }>(`SELECT pg_catalog.pg_try_advisory_lock(${key}) AS free`);
  return lock?.free === true;
}

/**
 * Waits until no session runs `text` any more: the server notices a client that is gone only when the statement ends.
 * The server keeps the first bytes of a query (track_activity_query_size), so what it shows is a prefix.
 */
export async function awaitEndOf(session: Session, text: string, context: StepContext): Promise<void> {
  await until(context, context.concurrentTimeoutSeconds, 'the interrupted script to end on the server', async () => {
    const running = await session.query(
      `SELECT FROM pg_catalog.pg_stat_activity
        WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid() AND state = 'active'
          AND query <> '' AND pg_catalog.starts_with($1, query)`,
      [text],
    );
    return running.length === 0;
  });
}

async function until(
  { signal, onWait }: Pick<StepContext, 'signal' | 'onWait'>, seconds: number, what: string, done: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await done())) {
    if (Date.now() > deadline) {
      throw new FaberError({
        code: 'lock_timeout',
        message: `Waited ${seconds} s for ${what}. Nothing more was run.`,
        suggestions: ['See who is at work in pg_stat_activity, let it end, and try again.'],
      });
    }
    onWait?.(what);
    await sleep(PAUSE, undefined, { signal });
  }
}
