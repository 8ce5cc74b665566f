/** The right to change the database: a token in our bookkeeping that only rises. See the fence of PostgreSQL, whose rules these are. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../contract/failure.js';
import type { ChangeOptions, Fence, Session } from '../contract.js';
import { ensureTables, tableOf } from './bookkeeping-tables.js';
import { endRegistered, openRegistered } from './registered-session.js';
import { DEADLOCK, errnoOf, LOCK_WAIT_TIMEOUT } from './server-failure.js';
import { inPlainTransaction, type MysqlSession } from './session.js';
import type { MysqlTarget } from './url.js';

type TakeOptions = ChangeOptions & { begins?: boolean };

/**
 * Ends the sessions of earlier holders, raises the token, and ends them again: one may have passed its check in between, and a
 * schema change holds no lock on the row.
 * @throws FaberError fenced_off for an attempt that woke up late; lock_timeout; unsupported behind a proxy
 */
export async function takeFence(target: MysqlTarget, operationId: string, options: TakeOptions): Promise<Fence> {
  options.signal.throwIfAborted();
  await ensureTables(target);
  const session = await openRegistered(target, operationId, 'fence');
  try {
    await session.query('SET SESSION innodb_lock_wait_timeout = 1');
    // Before it ends the sessions of whoever has overtaken it.
    await refuseLate(session, target, operationId, options);
    await endRegistered(session, target, options);
    const token = await raiseToken(session, target, operationId, options);
    await endRegistered(session, target, options);
    return { token, operationId };
  } finally {
    await session.close();
  }
}

/** See the same of PostgreSQL: of two attempts, the one that was handed out later may change. */
async function refuseLate(session: Session, target: MysqlTarget, operationId: string, { attemptAt, begins }: TakeOptions): Promise<void> {
  const at = attemptAt ?? null;
  const late = await session.query(
    `SELECT 1 FROM ${tableOf(target, 'fence')} WHERE operation_id = ? AND attempt_at > ?
     UNION ALL SELECT 1 FROM ${tableOf(target, 'operations')} WHERE operation_id = ? AND (attempt_at > ? OR (ended_at IS NOT NULL AND NOT ?))`,
    [operationId, at, operationId, at, begins === true ? 1 : 0],
  );
  if (late.length > 0) throw fencedOff(target);
}

async function raiseToken(session: MysqlSession, target: MysqlTarget, operationId: string, options: TakeOptions): Promise<string> {
  const begun = performance.now();
  for (;;) {
    options.signal.throwIfAborted();
    try {
      return await inPlainTransaction(session, async () => {
        const [row] = await session.query<{ token: string }>(`SELECT CAST(token + 1 AS CHAR) AS token FROM ${tableOf(target, 'fence')} FOR UPDATE`);
        // Once more, now that the row is ours: a later attempt may have come in between.
        await refuseLate(session, target, operationId, options);
        const at = options.attemptAt ?? null;
        await session.query(`REPLACE INTO ${tableOf(target, 'fence')} (one, token, operation_id, taken_at, attempt_at) VALUES (1, ?, ?, UTC_TIMESTAMP(6), ?)`, [row?.token ?? '1', operationId, at]);
        await session.query(`UPDATE ${tableOf(target, 'operations')} SET attempt_at = ? WHERE operation_id = ?`, [at, operationId]);
        return row?.token ?? '1';
      });
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== LOCK_WAIT_TIMEOUT && errno !== DEADLOCK) throw error;
      if (performance.now() - begun > options.lockTimeoutSeconds * 1000) throw rowHeld(target, error);
      options.onWait?.('Waiting for the fence: its row is locked by another session');
      await endRegistered(session, target, options);
      await sleep(100 + Math.random() * 200);
    }
  }
}

/** Locks the fence's row in the session's transaction. @throws FaberError fenced_off when the token is no longer ours. */
export async function lockFence(session: Session, target: MysqlTarget, fence: Fence): Promise<void> {
  const [row] = await session.query<{ token: string }>(`SELECT CAST(token AS CHAR) AS token FROM ${tableOf(target, 'fence')} FOR UPDATE`);
  if (row?.token !== fence.token) throw fencedOff(target);
}

/** For what no transaction can hold: only a look. @throws FaberError fenced_off. */
export async function checkFence(session: Session, target: MysqlTarget, fence: Fence): Promise<void> {
  const [row] = await session.query<{ token: string }>(`SELECT CAST(token AS CHAR) AS token FROM ${tableOf(target, 'fence')}`);
  if (row?.token !== fence.token) throw fencedOff(target);
}

function fencedOff(target: MysqlTarget): FaberError {
  return new FaberError({
    code: 'fenced_off',
    message: 'Another operation has taken over this database. This step changed nothing more.',
    suggestions: [`Look at the operation that holds it: SELECT operation_id, taken_at FROM ${tableOf(target, 'fence')}`],
  });
}

function rowHeld(target: MysqlTarget, cause: unknown): FaberError {
  return new FaberError({
    code: 'lock_timeout',
    message: `The row of ${tableOf(target, 'fence')} stays locked by a session that is not one of faber-db. Nothing was changed.`,
    suggestions: ['End the session that holds it: SHOW PROCESSLIST, then KILL.'],
  }, { cause });
}
