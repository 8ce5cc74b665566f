/** A session of an operation that changes something: registered, with short waits for locks, ended at its deadline. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../contract/failure.js';
import type { ScriptError, ChangeOptions, Fence } from '../contract.js';
import { underDeadline } from './deadline.js';
import { openRegistered } from './registered-session.js';
import { DEADLOCK, errnoOf, LOCK_WAIT_TIMEOUT } from './server-failure.js';
import type { MysqlSession } from './session.js';
import type { MysqlTarget } from './url.js';

/** Seconds. A waiting ALTER queues every query of the application behind it, so one try waits about so long. */
const ONE_TRY = 2;

export interface ChangingOptions extends ChangeOptions {
  /** Name of the user lock that the migration tool holds while it migrates: taken as long as the session lasts. */
  toolLock?: string;
}

/** @throws what `work` throws; FaberError lock_timeout while the tool itself is at work */
export async function withChangingSession<T>(
  target: MysqlTarget, fence: Fence, options: ChangingOptions, work: (session: MysqlSession, proceed: () => void) => Promise<T>,
): Promise<T> {
  options.signal.throwIfAborted();
  const session = await openRegistered(target, fence.operationId, 'change');
  try {
    await session.query(`SET SESSION lock_wait_timeout = ${ONE_TRY}, innodb_lock_wait_timeout = ${ONE_TRY}`);
    if (options.toolLock !== undefined) await takeToolLock(session, options.toolLock, options);
    return await underDeadline(session, options, (proceed) => work(session, proceed));
  } finally {
    await session.close();
  }
}

async function takeToolLock(session: MysqlSession, name: string, { signal, lockTimeoutSeconds, onWait }: ChangeOptions): Promise<void> {
  const begun = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const [row] = await session.query<{ got: number | null }>('SELECT GET_LOCK(?, 1) AS got', [name]);
    if (Number(row?.got) === 1) return;
    if (performance.now() - begun > lockTimeoutSeconds * 1000) {
      throw new FaberError({
        code: 'lock_timeout',
        message: `Another runner of the migration tool holds its lock ${name}. Nothing more was run.`,
        suggestions: ['See who is at work (SHOW PROCESSLIST), let it end, and try again.'],
      });
    }
    onWait?.(`Waiting for the migration tool's lock ${name}`);
  }
}

/** Whether nothing of a statement has happened, and the next try may find the lock free. */
export const isLockRefusal = (error: unknown): error is ScriptError => [LOCK_WAIT_TIMEOUT, DEADLOCK].includes(errnoOf(error) ?? 0);

/**
 * Tries again while a lock is not to be had, with backoff and jitter, until `lockTimeoutSeconds` is spent.
 * @param attempt of which nothing has happened when it throws a lock refusal
 * @throws FaberError lock_timeout
 */
export async function retryingLocks<T>(options: ChangeOptions, attempt: () => Promise<T>): Promise<T> {
  let firstRefusal: number | null = null;
  for (;;) {
    const begun = performance.now();
    try {
      return await attempt();
    } catch (error) {
      if (!isLockRefusal(error)) throw error;
      firstRefusal ??= begun;
      if (performance.now() - firstRefusal >= options.lockTimeoutSeconds * 1000) throw lockTimeout(error, options);
      options.onWait?.('A lock was not to be had; trying again');
      await sleep(200 + Math.random() * 800, undefined, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
    }
  }
}

function lockTimeout(error: ScriptError, options: ChangeOptions): FaberError {
  const { sqlState, line, statement, objects } = error.failure;
  return new FaberError({
    code: 'lock_timeout',
    message: `A lock was not to be had within ${options.lockTimeoutSeconds} seconds. Nothing of the statement that waited for it was changed.`,
    result: { sql_state: sqlState, line, statement, objects },
    suggestions: ['End the long transaction that holds the lock (SHOW PROCESSLIST, or the lock waits of the sys schema), or raise migrations.lock_timeout_seconds, and start again.'],
  }, { cause: error });
}
