/**
 * Sessions that may change something register themselves, so that the next holder of the fence finds and ends them: MySQL tells an
 * ordinary role nothing about what a session is for. A user lock with a name of its own is held as long as the session lives, and the
 * server itself tells which connection holds it; a bare connection id could be somebody else's after a restart of the server.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../contract/failure.js';
import type { ChangeOptions } from '../contract.js';
import { tableOf } from './bookkeeping-tables.js';
import { errnoOf } from './server-failure.js';
import { openSession, type MysqlSession } from './session.js';
import type { MysqlTarget } from './url.js';

const NO_SUCH_THREAD = 1094;
/** Killing a thread of another user without the right. */
const NOT_OWNER = 1095;
const POLL_MS = 50;
/** A session that is told to end and does not within this time is in the middle of something; then it is told. */
const SAY_AFTER_MS = 1000;

/** A session that the next holder of the fence ends. Its first query after this must be a look at the fence. */
export async function openRegistered(target: MysqlTarget, operationId: string, purpose: string): Promise<MysqlSession> {
  const session = await openSession(target, `faber-db ${purpose} ${operationId}`);
  try {
    const lock = `faber_db.${randomBytes(12).toString('hex')}`;
    const [got] = await session.query<{ got: number; holder: number; self: number }>('SELECT GET_LOCK(?, 0) AS got, IS_USED_LOCK(?) AS holder, CONNECTION_ID() AS self', [lock, lock]);
    // A proxy that spreads the statements of a session over several connections cannot hold a lock for it.
    if (Number(got?.got) !== 1 || Number(got?.holder) !== Number(got?.self) || Number(got?.self) !== session.id) throw behindProxy(target);
    await session.query(`INSERT INTO ${tableOf(target, 'sessions')} (lock_name, operation_id, opened_at) VALUES (?, ?, UTC_TIMESTAMP(6))`, [lock, operationId]);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

export function behindProxy(target: MysqlTarget): FaberError {
  return new FaberError({
    code: 'unsupported',
    message: `A proxy sits between the worker and ${target.describe()} that spreads one session over several connections: locks and settings of a session cannot be relied on. Nothing was changed.`,
    suggestions: ['Name the server itself in direct_connection_string_env.'],
  });
}

/**
 * Kills every registered session but `except`, and waits until the server has let go of each: what it ran is over, rolled back or done.
 * @throws FaberError lock_timeout, naming those that are left
 */
export async function endRegistered(session: MysqlSession, target: MysqlTarget, options: Pick<ChangeOptions, 'signal' | 'timeoutSeconds' | 'onWait'>): Promise<void> {
  const begun = performance.now();
  const refused = new Set<number>();
  for (;;) {
    options.signal.throwIfAborted();
    const rows = await session.query<{ lock_name: string; operation_id: string; holder: number | null }>(
      `SELECT lock_name, operation_id, IS_USED_LOCK(lock_name) AS holder FROM ${tableOf(target, 'sessions')}`,
    );
    const alive = rows.filter(({ holder }) => holder !== null && Number(holder) !== session.id);
    for (const { lock_name } of rows.filter(({ holder }) => holder === null)) await session.query(`DELETE FROM ${tableOf(target, 'sessions')} WHERE lock_name = ?`, [lock_name]);
    if (alive.length === 0) return;
    for (const { holder } of alive) await kill(session, Number(holder), refused);
    const waited = performance.now() - begun;
    if (waited > options.timeoutSeconds * 1000 || (refused.size > 0 && waited > 2 * SAY_AFTER_MS)) throw leftOver(alive, refused);
    if (waited > SAY_AFTER_MS) options.onWait?.(`Waiting for the end of ${alive.map(({ holder, operation_id }) => `session ${holder} of ${operation_id}`).join(', ')}`);
    await sleep(Math.min(POLL_MS * 2 ** Math.floor(waited / 1000), 2000), undefined, { signal: options.signal }).catch(() => {});
  }
}

async function kill(session: MysqlSession, id: number, refused: Set<number>): Promise<void> {
  try {
    await session.query(`KILL CONNECTION ${id}`);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === NOT_OWNER) refused.add(id);
    else if (errno !== NO_SUCH_THREAD) throw error;
  }
}

function leftOver(alive: { holder: number | null; operation_id: string }[], refused: Set<number>): FaberError {
  const denied = refused.size > 0;
  return new FaberError({
    code: 'lock_timeout',
    message: `${alive.map(({ holder, operation_id }) => `session ${holder} of ${operation_id}`).join(', ')} ${alive.length > 1 ? 'are' : 'is'} still there${denied ? ', and the user of the URL may not end sessions of another user' : ''}. Nothing was changed.`,
    result: { sessions: alive.map(({ holder, operation_id }) => ({ id: holder, operation_id })) },
    suggestions: [denied ? 'End them as their own user (KILL), or give the user of the URL the right to (CONNECTION ADMIN or SUPER).' : 'Wait for them to end, or end them with KILL, and start again.'],
  });
}
