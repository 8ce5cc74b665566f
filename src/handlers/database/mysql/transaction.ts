/** One fenced transaction: the change, its step row and what the caller records are there together or not at all. */
import type { ResultSetHeader } from 'mysql2';
import { ScriptError, type Fence, type Session, type StepRow } from '../contract.js';
import { tableOf } from './bookkeeping-tables.js';
import { retryingLocks, withChangingSession, type ChangingOptions } from './changing-session.js';
import { checkFence, lockFence } from './fence.js';
import type { MysqlSession } from './session.js';
import type { MysqlTarget } from './url.js';

export interface TransactionOptions extends ChangingOptions {
  step?: { migration: string; action: StepRow['action']; ledgerId: string | null };
  /** One statement right after the fence's row is locked; `work` gets its rows. */
  opening?: string;
  /** One statement before `record`. */
  closing?: string;
}

/** See `DatabaseHandler.inTransaction`. Only what a transaction can hold: a schema change in `work` fails, and stays. */
export async function inTransaction(
  target: MysqlTarget, fence: Fence, options: TransactionOptions,
  work: (session: Session, opened: Record<string, unknown>[]) => Promise<void>, record?: (session: Session) => Promise<void>,
): Promise<void> {
  await retryingLocks(options, () => withChangingSession(target, fence, options, async (session, proceed) => {
    await session.query('START TRANSACTION READ WRITE');
    try {
      await lockFence(session, target, fence);
      const opened = options.opening === undefined ? [] : await session.query(options.opening);
      proceed();
      await work(session, opened);
      proceed();
      await requireOpen(session);
      if (options.step) await recordStep(session, target, fence, options.step);
      if (options.closing !== undefined) await session.query(options.closing);
      await record?.(session);
      proceed();
      await session.query('COMMIT');
    } catch (error) {
      if (!(error instanceof ScriptError && error.failure.connectionLost)) await session.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }));
}

export async function recordStep(session: Session, target: MysqlTarget, fence: Fence, { migration, action, ledgerId }: NonNullable<TransactionOptions['step']>): Promise<void> {
  await session.query(`INSERT INTO ${tableOf(target, 'steps')} (operation_id, migration, action, ledger_id, at) VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))`, [fence.operationId, migration, action, ledgerId]);
}

const SERVER_STATUS_IN_TRANS = 1;

/** A statement that commits by itself has left the transaction: what was changed and its step are no longer one. */
async function requireOpen(session: MysqlSession): Promise<void> {
  const [answer] = await session.connection.query<ResultSetHeader>('DO 0');
  if ((answer.serverStatus & SERVER_STATUS_IN_TRANS) !== 0) return;
  const message = 'a statement committed by itself; what ran before it stays';
  throw new ScriptError({ sqlState: '2D000', message, line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false }, message);
}

/** See `DatabaseHandler.standalone`. */
export async function standalone(target: MysqlTarget, fence: Fence, options: ChangingOptions, sql: string): Promise<void> {
  await withChangingSession(target, fence, options, async (session, proceed) => {
    await session.query('SET SESSION lock_wait_timeout = 31536000');
    await checkFence(session, target, fence);
    proceed();
    await session.script(sql);
  });
}
