/** One fenced transaction: the change, its step row and what the caller records are there together or not at all. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type ChangeOptions, type Fence, type ScriptFailure, type Session, type StepRow } from '../contract.js';
import { CLIENT_CHECK } from './connect.js';
import type { PostgresTarget } from './connection-url.js';
import { underDeadline } from './deadline.js';
import { LOCK_FENCE, ownFence, type FenceRow } from './fence.js';
import { watchLocks } from './lock-watch.js';
import { recordTransaction } from './own-transactions.js';
import { isLost, serverFailure } from './server-failure.js';
import type { PostgresSession } from './session.js';
import { borrowSession, CLEANING, giveBackSession } from './session-reuse.js';

export interface TransactionOptions extends ChangeOptions {
  step?: { migration: string; action: StepRow['action']; ledgerId: string | null };
  /** One statement that goes with the first message, after the fence's row is locked; `work` gets its rows. */
  opening?: string;
  /** Statements that go with the message that writes the step, before `record`. */
  closing?: string;
}

type Row = Record<string, unknown>;
type Work = (session: Session, opened: Row[]) => Promise<void>;
type Part = (session: Session) => Promise<void>;

/** A waiting ALTER queues every query of the application behind it, so one try waits about so long. */
const TRY_MS = 1500;
const TRY_JITTER_MS = 1000;
/** Lock not available, deadlock detected: the transaction is undone, and the next try may find the lock free. */
const WORTH_ANOTHER_TRY = ['55P03', '40P01'];
/** The server's own limit stands behind ours, for the case that we are gone. */
const SERVER_MARGIN_MS = 5_000;

/** See `DatabaseHandler.inTransaction`. */
export async function inTransaction(target: PostgresTarget, fence: Fence, options: TransactionOptions, work: Work, record: Part | null = null): Promise<void> {
  let firstRefusal: number | null = null;
  for (;;) {
    const begun = performance.now();
    const outcome = await attempt(target, fence, options, work, record);
    if (outcome === 'committed') return;
    firstRefusal ??= begun;
    if (performance.now() - firstRefusal >= options.lockTimeoutSeconds * 1000) throw lockTimeout(outcome, options);
    options.onWait?.(`A lock was not to be had${outcome.blockedBy ? `: held by ${outcome.blockedBy}` : ''}; trying again`);
    await sleep(200 + Math.random() * 800, undefined, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
  }
}

interface Refused {
  error: ScriptError;
  blockedBy: string | null;
}

async function attempt(target: PostgresTarget, fence: Fence, options: TransactionOptions, work: Work, record: Part | null): Promise<'committed' | Refused> {
  options.signal.throwIfAborted();
  const { session, used } = await borrowSession(target, fence);
  const watch = watchLocks(session, (what) => options.onWait?.(what));
  let begun = false;
  let clean = false;
  try {
    await underDeadline(session, options, async (proceed) => {
      clean = await run(session, fence, options, work, record, () => {
        begun = true;
        proceed();
      });
    });
    return 'committed';
  } catch (error) {
    // Ended while nobody used it (a newer fence does that): nothing was sent, and a new session tells what is the matter.
    if (used && !begun && isLost(error)) return await attempt(target, fence, options, work, record);
    if (error instanceof ScriptError && WORTH_ANOTHER_TRY.includes(error.failure.sqlState ?? '')) return { error, blockedBy: watch.blockedBy };
    throw error;
  } finally {
    // An open transaction ends with its session; locks are gone once the server has said goodbye.
    if (session.transactionStatus !== 'I') await session.query('ROLLBACK').catch(() => {});
    await watch.stop();
    if (clean) giveBackSession(session, fence);
    else await session.close();
  }
}

async function run(session: PostgresSession, fence: Fence, options: TransactionOptions, work: Work, record: Part | null, proceed: () => void): Promise<boolean> {
  const limits = limitsOf(session, options);
  const { xid, opened } = await begin(session, fence, limits, options);
  proceed();
  await work(session, opened);
  proceed();
  if (session.transactionStatus !== 'T') throw endedByItself();
  const write = writing(fence, xid, limits, options);
  if (record === null) return await end(session, [...write, 'COMMIT']);
  await end(session, write);
  await record(session);
  proceed();
  return await end(session, ['COMMIT']);
}

/** One message: each costs as much as a small statement. */
async function begin(session: PostgresSession, fence: Fence, limits: string, { advisoryLock, opening }: TransactionOptions): Promise<{ xid: string; opened: Row[] }> {
  // In one statement, left to right: the wait for the tool's lock has the limit already.
  const tool = advisoryLock === undefined ? '' : `, pg_catalog.pg_advisory_xact_lock(${advisoryLock})`;
  // In READ COMMITTED each statement sees what is committed when it begins: the opening one, what was there under both locks.
  const results = await session.messages(`BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ${limits}${tool}; ${LOCK_FENCE}; ${opening ?? ''}`);
  const opened = opening === undefined ? [] : (results.pop() ?? []);
  return { xid: ownFence(results.at(-1)?.[0] as FenceRow | undefined, fence), opened };
}

/** Fails (22012) unless the session is still in the transaction of this id, whatever operators a script has made. */
const sameTransaction = (xid: string) =>
  `1 OPERATOR(pg_catalog./) (pg_catalog.txid_current() OPERATOR(pg_catalog.=) ${xid}::pg_catalog.int8)::pg_catalog.int4`;

/**
 * What follows must not depend on what a script has set: role, search_path, timeouts. A script with a COMMIT of its own has
 * left the transaction: its step and what it changed are no longer one, so the check fails there, before anything is written.
 */
function writing(fence: Fence, xid: string, limits: string, { step, closing }: TransactionOptions): string[] {
  const write = step ? stepOf(fence, step) : recordTransaction(fence.operationId, 'change');
  return ['RESET SESSION AUTHORIZATION', 'RESET ROLE', 'RESET ALL', `${limits}, ${sameTransaction(xid)}`, write, ...(closing === undefined ? [] : [closing])];
}

function endedByItself(): ScriptError {
  return plainFailure({
    sqlState: '2D000',
    message: 'the script ended the transaction by itself (COMMIT or ROLLBACK); what it committed before stays, the rest was rolled back',
  });
}

function stepOf(fence: Fence, { migration, action, ledgerId }: NonNullable<TransactionOptions['step']>): string {
  const values = [fence.operationId, migration, action, ledgerId].map((value) => (value === null ? 'NULL' : pg.escapeLiteral(value)));
  return `INSERT INTO faber_db.steps (operation_id, migration, action, ledger_id, xid) VALUES (${values.join(', ')}, pg_catalog.txid_current())`;
}

/** One statement: hundreds of migrations feel each one. */
function limitsOf(session: PostgresSession, options: TransactionOptions): string {
  const server = `${Math.ceil(options.timeoutSeconds * 1000) + SERVER_MARGIN_MS}`;
  const limits: Record<string, string> = {
    lock_timeout: `${Math.round(TRY_MS + Math.random() * TRY_JITTER_MS)}`,
    statement_timeout: server,
    idle_in_transaction_session_timeout: server,
    // Commits stay in order all the same: see `durableLater`.
    ...(options.durableLater ? { synchronous_commit: 'off' } : {}),
    ...(session.watchesClient ? { client_connection_check_interval: CLIENT_CHECK } : {}),
  };
  return `SELECT ${Object.entries(limits).map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', true)`).join(', ')}`;
}

/**
 * The statements that end a transaction, in one message. With COMMIT among them it cleans the session in the same message; a failure
 * of that is none of the transaction's.
 * @returns whether the session is as good as new
 */
async function end(session: PostgresSession, statements: readonly string[]): Promise<boolean> {
  const committing = statements.indexOf('COMMIT');
  const sent = committing < 0 ? statements : [...statements, ...CLEANING];
  const { completed, error } = await session.counted(sent.join('; '));
  if (committing < 0 || completed.length <= committing) {
    if (error === null) return false;
    throw await failureOf(error, statements, completed.length);
  }
  // PostgreSQL answers ROLLBACK to the COMMIT of a transaction in which an error was swallowed.
  if (completed[committing] !== 'COMMIT') throw plainFailure({ sqlState: '25P02', message: 'a statement had failed before, so the server rolled the transaction back at COMMIT' });
  return error === null;
}

/** A violation of a deferred constraint comes at COMMIT and rolls back; a connection that breaks there leaves the outcome unknown. */
async function failureOf(error: unknown, statements: readonly string[], completed: number): Promise<unknown> {
  const statement = statements[completed] ?? '';
  if (completed === CHECKED && statement !== 'COMMIT' && (error as { code?: string }).code === DIVISION_BY_ZERO) return endedByItself();
  const commits = statements.includes('COMMIT');
  // Where it breaks on the way, the server may have read what stands before COMMIT only: that too is told by the ledger.
  if (isLost(error)) return serverFailure(error, { sql: statement, statementIndex: null, ...(commits && { phase: 'at COMMIT; the ledger tells whether it took effect' }) });
  if (statement !== 'COMMIT') return serverFailure(error, { sql: statements.join('; '), statementIndex: completed });
  const failure = await serverFailure(error, { sql: 'COMMIT', statementIndex: null, phase: 'at COMMIT' });
  return failure instanceof ScriptError ? new ScriptError({ ...failure.failure, line: null, statementIndex: null, statement: 'COMMIT' }, failure.detail, { cause: error }) : failure;
}

const DIVISION_BY_ZERO = '22012';
/** Where in `writing` the transaction is compared. */
const CHECKED = 3;

function plainFailure(facts: Pick<ScriptFailure, 'sqlState' | 'message'>): ScriptError {
  return new ScriptError({ ...facts, line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false }, facts.message);
}

function lockTimeout({ error, blockedBy }: Refused, options: ChangeOptions): FaberError {
  const { sqlState, line, statement, objects } = error.failure;
  return new FaberError({
    code: 'lock_timeout',
    message: `A lock was not to be had within ${options.lockTimeoutSeconds} seconds${blockedBy ? `: held by ${blockedBy}` : ''}. The transaction was rolled back each time; nothing of it was changed.`,
    result: { sql_state: sqlState, line, statement, objects, blocked_by: blockedBy },
    suggestions: ['End the long transaction that holds the lock, or raise migrations.lock_timeout_seconds, and start again.'],
  }, { cause: error });
}
