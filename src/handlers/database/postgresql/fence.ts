/**
 * The right to change the database: a token in `faber_db.fence` that only rises. Each changing transaction locks its row and
 * goes on only with its own token, so a paused worker that wakes up late changes nothing more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type ChangeOptions, type Fence, type Session } from '../contract.js';
import { ensureTables } from './bookkeeping-tables.js';
import type { PostgresTarget } from './connection-url.js';
import { endSessions } from './end-sessions.js';
import { recordThisTransaction } from './own-transactions.js';
import { refusePooler } from './pooler.js';
import { withSession, type PostgresSession } from './session.js';
import { backupPurpose, MAY_CHANGE, purposeName } from './session-names.js';

/** How long one try waits for the row; then the sessions that hold it are ended again. */
const ROW_TRY_MS = 500;

type TakeOptions = ChangeOptions & { begins?: boolean };

/**
 * Ends the sessions of earlier holders, raises the token, and ends them again: one may have passed its check in between
 * (a standalone script holds no lock on the row).
 * @throws FaberError fenced_off for an attempt that woke up late; lock_timeout when a session is still there after `timeoutSeconds`; unsupported behind a transaction pooler.
 */
export async function takeFence(target: PostgresTarget, operationId: string, options: TakeOptions): Promise<Fence> {
  options.signal.throwIfAborted();
  await ensureTables(target);
  return withSession(target, purposeName('fence'), async (session) => {
    await refusePooler(session);
    // Before it ends the sessions of whoever has overtaken it.
    await refuseLate(session, operationId, options);
    await endEarlierHolders(session, operationId, options);
    const token = await raiseToken(session, operationId, options);
    await endEarlierHolders(session, operationId, options);
    return { token, operationId };
  });
}

/** Also a dump of the same operation that an attempt before left: its worker stands still, or is dead and not yet noticed. */
async function endEarlierHolders(session: PostgresSession, operationId: string, options: ChangeOptions): Promise<void> {
  await endSessions(session, `${MAY_CHANGE} OR application_name = '${purposeName(backupPurpose(operationId))}'`, { ...options, awaitConcurrently: true });
}

/**
 * A worker that was paused before it took the fence would take it from the attempt that has gone on, and apply again what was
 * undone meanwhile. Temporal hands attempts out one after the other, so the time tells which is the later one.
 */
async function refuseLate(session: PostgresSession, operationId: string, { attemptAt, begins }: TakeOptions): Promise<void> {
  const late = await session.query(
    `SELECT FROM faber_db.fence WHERE operation_id = $1 AND attempt_at > $2::bigint
     UNION ALL SELECT FROM faber_db.operations WHERE operation_id = $1 AND (attempt_at > $2::bigint OR (ended_at IS NOT NULL AND NOT $3))`,
    [operationId, attemptAt ?? null, begins ?? false],
  );
  if (late.length > 0) throw fencedOff();
}

async function raiseToken(session: PostgresSession, operationId: string, options: TakeOptions): Promise<string> {
  const begun = performance.now();
  for (;;) {
    options.signal.throwIfAborted();
    try {
      await session.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
      await session.query(`SET LOCAL lock_timeout = ${ROW_TRY_MS}`);
      const [row] = await session.query<{ token: string }>(
        `INSERT INTO faber_db.fence AS f (token, operation_id, taken_at) VALUES (1, NULL, clock_timestamp())
         ON CONFLICT (one) DO UPDATE SET token = f.token + 1, taken_at = clock_timestamp() RETURNING f.token::text`,
      );
      // Once more, now that the row is ours: a later attempt may have come in between.
      await refuseLate(session, operationId, options);
      await session.query('UPDATE faber_db.fence SET operation_id = $1, attempt_at = $2::bigint', [operationId, options.attemptAt ?? null]);
      await session.query('UPDATE faber_db.operations SET attempt_at = $2::bigint WHERE operation_id = $1', [operationId, options.attemptAt ?? null]);
      await recordThisTransaction(session, operationId, 'fence');
      await session.query('COMMIT');
      return row!.token;
    } catch (error) {
      if (!(error instanceof ScriptError) || error.failure.sqlState !== '55P03') throw error;
      await session.query('ROLLBACK');
      if (performance.now() - begun > options.lockTimeoutSeconds * 1000) throw rowHeld(error);
      options.onWait?.('Waiting for the fence: its row is locked by another session');
      await endEarlierHolders(session, operationId, options);
      await sleep(100 + Math.random() * 200);
    }
  }
}

export interface FenceRow { token: string; xid: string }

/** Locks the fence's row in the session's transaction. */
export const LOCK_FENCE = 'SELECT token::text, pg_catalog.txid_current()::text AS xid FROM faber_db.fence FOR UPDATE';

/** The transaction's id. @throws FaberError fenced_off when the token is no longer ours. */
export function ownFence(row: FenceRow | undefined, fence: Fence): string {
  if (row?.token !== fence.token) throw fencedOff();
  return row.xid;
}

/** As `LOCK_FENCE` and `ownFence`, in a message of its own. @throws FaberError fenced_off. */
export async function lockFence(session: PostgresSession, fence: Fence): Promise<string> {
  const [row] = await session.query<FenceRow>(LOCK_FENCE);
  return ownFence(row, fence);
}

/** For work that no transaction can hold: only a look. @throws FaberError fenced_off. */
export async function checkFence(session: Session, fence: Fence): Promise<void> {
  const [row] = await session.query<{ token: string }>('SELECT token::text FROM faber_db.fence');
  if (row?.token !== fence.token) throw fencedOff();
}

function fencedOff(): FaberError {
  return new FaberError({
    code: 'fenced_off',
    message: 'Another operation has taken over this database. This step changed nothing.',
    suggestions: ['Look at the operation that holds it: SELECT operation_id, taken_at FROM faber_db.fence'],
  });
}

function rowHeld(cause: unknown): FaberError {
  return new FaberError({
    code: 'lock_timeout',
    message: 'The row faber_db.fence stays locked by a session that is not one of faber-db. Nothing was changed.',
    suggestions: ['End the session that holds a lock on faber_db.fence: see pg_locks and pg_stat_activity.'],
  }, { cause });
}
