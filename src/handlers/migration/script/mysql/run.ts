/** Runs a script that MySQL commits statement by statement, each one once, and takes back what ran when it fails. */
import { barrier } from '../../../barrier.js';
import { ScriptError, type Fence, type ScriptFailure, type Session } from '../../../database/contract.js';
import { retryingLocks, withChangingSession, type ChangingOptions } from '../../../database/mysql/changing-session.js';
import { lockFence } from '../../../database/mysql/fence.js';
import { inPlainTransaction, type MysqlSession } from '../../../database/mysql/session.js';
import type { MysqlTarget } from '../../../database/mysql/url.js';
import { FaberError } from '../../../../contract/failure.js';
import type { Change } from './change.js';
import { tookEffect } from './look.js';
import { requireDefaultMode } from './mode.js';
import type { ScriptPlan } from './plan.js';
import { forgetScript, mark, readProgress, recordScript, type Progress } from './progress.js';
import type { Script } from './statements.js';
import { takeBack } from './take-back.js';
import { definitionsOf } from './touched.js';

export interface ScriptRun {
  target: MysqlTarget;
  fence: Fence;
  options: ChangingOptions;
  /** Under which its progress is kept: the same for every attempt. */
  key: string;
  migration: string;
  script: Script;
  plan: ScriptPlan;
  /** What else is written in the transaction that records that it begins, has ended, or was taken back. */
  record: { begin(session: Session): Promise<void>; finish(session: Session): Promise<void>; takenBack(session: Session): Promise<void> };
  /** Right before a statement, on its session: throws where it must not run. */
  guard?(session: MysqlSession, change: Change): Promise<{ release(): Promise<void> } | null>;
}

export type RunEnd =
  | { status: 'done' }
  | { status: 'failed'; failure: ScriptFailure; detail: string; halfApplied: false }
  | { status: 'failed'; failure: ScriptFailure; detail: string; halfApplied: true; leftovers: string[] };

/**
 * Goes on where an earlier attempt was cut off: what it began is decided by looking, a script that was being taken back is taken back.
 * @throws FaberError lock_timeout (what ran was taken back), fenced_off; ScriptError with connectionLost, after which the next attempt
 *   finds out; the signal's reason, after what ran was taken back where that is sure
 */
export async function runScript(run: ScriptRun): Promise<RunEnd> {
  let failure: { failure: ScriptFailure; detail: string; cause: Error | null };
  try {
    const going = await withChangingSession(run.target, run.fence, run.options, (session, proceed) => goForward(run, session, proceed));
    if (going === 'done') return { status: 'done' };
    failure = { ...going, cause: null };
  } catch (error) {
    if (error instanceof FaberError ? error.code !== 'lock_timeout' : !(error instanceof ScriptError) && !run.options.signal.aborted) throw error;
    if (error instanceof ScriptError && error.failure.connectionLost) throw error;
    failure = { ...factsOf(error), cause: error instanceof Error ? error : new Error(String(error)) };
  }
  const left = await takeBack(run, failure.failure);
  if (failure.cause !== null && (run.options.signal.aborted || (failure.cause instanceof FaberError && left === null))) throw failure.cause;
  const told = { status: 'failed' as const, failure: failure.failure, detail: failure.detail };
  return left === null ? { ...told, halfApplied: false } : { ...told, halfApplied: true, leftovers: left };
}

function factsOf(error: unknown): { failure: ScriptFailure; detail: string } {
  if (error instanceof ScriptError) return { failure: error.failure, detail: error.detail };
  const message = error instanceof FaberError ? error.message : 'it was cancelled';
  return { failure: { sqlState: null, message, line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false }, detail: message };
}

type Stopped = { failure: ScriptFailure; detail: string };

async function goForward(run: ScriptRun, session: MysqlSession, proceed: () => void): Promise<'done' | Stopped> {
  const { target, fence, key, script, plan } = run;
  await requireDefaultMode(session);
  const found = await readProgress(session, target, key, script);
  if (found?.failure) return found.failure;
  const progress = found ?? await begin(run, session);
  const resumes = progress.statements.size > 0;
  for (const [at, statement] of script.statements.entries()) {
    proceed();
    const change = plan.changes[at]!;
    const known = progress.statements.get(at)?.state;
    if (known === 'done' || known === 'nothing') continue;
    if (resumes && change.kind === 'sets' && !change.plain) return interrupted(`line ${statement.line} depends on the session that was lost`);
    if (known === 'begun' && (await endedWell(run, session, progress, at))) {
      await mark(session, target, fence, key, at, statement.text, 'done');
      continue;
    }
    try {
      await retryingLocks(run.options, () => runStatement(run, session, at, change));
    } catch (error) {
      throw placed(error, statement.line, at);
    }
  }
  proceed();
  await inPlainTransaction(session, async () => {
    // What the script has set must not decide what is recorded.
    await session.query('SET SESSION sql_mode = DEFAULT, innodb_lock_wait_timeout = 10');
    await lockFence(session, target, fence);
    await forgetScript(session, target, key);
    await run.record.finish(session);
  });
  return 'done';
}

async function begin(run: ScriptRun, session: MysqlSession): Promise<Progress> {
  const { target, fence, key, migration, script, plan } = run;
  const before = await definitionsOf(session, target.database, plan.changes);
  await retryingLocks(run.options, () => inPlainTransaction(session, async () => {
    await lockFence(session, target, fence);
    await recordScript(session, target, { key, operationId: fence.operationId, migration, text: script.text, before });
    await run.record.begin(session);
  }));
  return { before, statements: new Map(), failure: null };
}

/** @throws ScriptError when it cannot be told: a person has to look */
async function endedWell(run: ScriptRun, session: MysqlSession, progress: Progress, at: number): Promise<boolean> {
  const change = run.plan.changes[at]!;
  const took = await tookEffect(session, run.target.database, change, progress.statements.get(at)!.facts);
  if (took !== 'unknown') return took === 'yes';
  const { failure, detail } = interrupted(`whether the statement in line ${run.script.statements[at]!.line} took effect is not known`);
  throw new ScriptError(failure, detail);
}

/** One statement; the caller tries again when a lock was not to be had, and then nothing of it has happened. */
async function runStatement(run: ScriptRun, session: MysqlSession, at: number, change: Change): Promise<void> {
  const { target, fence, key, script } = run;
  const { text } = script.statements[at]!;
  if (change.kind === 'reads' || change.kind === 'sets') return session.script(text);
  await barrier('mysql-before-statement', run.options.signal);
  if (change.kind === 'rows' && (await allTransactional(session))) {
    await inPlainTransaction(session, async () => {
      await lockFence(session, target, fence);
      const rows = await session.run(text);
      await mark(session, target, fence, key, at, text, rows === 0 ? 'nothing' : 'done');
    });
    return;
  }
  await mark(session, target, fence, key, at, text, 'begun', await definitionsOf(session, target.database, [change]));
  const guard = await run.guard?.(session, change);
  try {
    await session.script(text);
  } finally {
    await guard?.release();
  }
  await barrier('mysql-after-statement', run.options.signal);
  await mark(session, target, fence, key, at, text, 'done');
}

/** Rows of another engine do not roll back; a trigger may write to any table of the database. */
async function allTransactional(session: MysqlSession): Promise<boolean> {
  const rows = await session.query("SELECT 1 FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND COALESCE(e.transactions, 'NO') <> 'YES' LIMIT 1");
  return rows.length === 0;
}

function placed(error: unknown, line: number, statementIndex: number): unknown {
  if (!(error instanceof ScriptError) || error.failure.connectionLost) return error;
  const { failure } = error;
  return new ScriptError({ ...failure, line: failure.line === null || failure.statementIndex !== null ? line : line + failure.line - 1, statementIndex }, error.detail, { cause: error });
}

function interrupted(why: string): Stopped {
  const message = `it was cut off in the middle, and ${why}`;
  return { failure: { sqlState: null, message, line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false }, detail: message };
}
