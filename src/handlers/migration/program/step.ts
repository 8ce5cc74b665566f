/** Applies or reverts one migration exactly once, in a transaction of the tool's. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../contract/failure.js';
import { barrier } from '../../barrier.js';
import { ScriptError, type Session, type StepRow } from '../../database/contract.js';
import type { Migration, MigrationHandler, StepContext, StepOutcome } from '../contract.js';
import { inWords, toldOf, type Told } from './failure.js';
import { ledgerState, type LastStep } from './ledger.js';
import { readMark, writeMark, type Mark } from './mark.js';
import type { SentStatement } from './process.js';
import { filesOf, groupOf, runOnDatabase, sha256, type Programs, type RunEnd } from './session.js';

export type RevertContext = Parameters<MigrationHandler['revert']>[1];
export type Direction = 'up' | 'down';

export const since = (started: number) => Math.round(performance.now() - started);

/** Leaves the transaction of a step that was done before: thrown inside it, so that it rolls back and records nothing. */
class AlreadyDone extends Error {
  override readonly name = 'AlreadyDone';
}

/**
 * The tool's own transaction locks the fence first, and writes its ledger and our step last: after a crash a row of the ledger means applied,
 * none means that nothing happened.
 * @throws FaberError lock_timeout, fenced_off, target_mismatch, would_lose_data, history_conflict: nothing of this migration is there
 */
export async function stepInTransaction(programs: Programs, migration: Migration, direction: Direction, context: RevertContext): Promise<StepOutcome> {
  const started = performance.now();
  for (;;) {
    const outcome = await attempt(programs, migration, direction, context, started);
    if (outcome !== 'locked') return outcome;
    if (since(started) > context.lockTimeoutSeconds * 1000) throw lockTimeout(context);
    context.onWait?.('A lock was not to be had; trying again');
    await sleep(200 + Math.random() * 800, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted());
  }
}

async function attempt(programs: Programs, migration: Migration, direction: Direction, context: RevertContext, started: number): Promise<StepOutcome | 'locked'> {
  const done: StepOutcome = { status: direction === 'up' ? 'applied' : 'reverted', duration_ms: 0 };
  const mark = await markOf(programs, migration, direction, context);
  const seen: Seen = { connection: 0, statements: [] };
  try {
    const end = await run(programs, migration, direction, context, mark, seen);
    if (succeeded(end)) {
      await barrier(`${direction === 'up' ? '' : 'revert-'}after-commit`, context.signal);
      return { ...done, duration_ms: since(started) };
    }
    if (await isRecorded(programs, context, mark.attempt)) return { ...done, duration_ms: since(started) };
    if (lockRefused(programs, end)) return 'locked';
    return await failed(programs, await toldOf(end, programs.system, { secrets: end.secrets, timeoutSeconds: context.timeoutSeconds }), { ...seen, statements: end.statements }, started);
  } catch (error) {
    if (error instanceof AlreadyDone) {
      if (direction === 'up') requireSameScript(migration, (await stateOf(programs, context)).last.get(migration.name));
      return { status: 'already', duration_ms: since(started) };
    }
    if (!(error instanceof ScriptError)) throw error;
    if (await isRecorded(programs, context, mark.attempt)) return { ...done, duration_ms: since(started) };
    if (error.failure.sqlState === '55P03' || error.failure.sqlState === '40P01') return 'locked';
    return failed(programs, { failure: { ...error.failure, connectionLost: false }, detail: error.detail }, seen, started);
  }
}

/** What was sent, and in which connection the transaction was. */
interface Seen { connection: number; statements: readonly SentStatement[] }

/** What a migration did in another connection, or committed by itself, is not undone with the transaction. */
async function failed({ system }: Programs, told: Told, { connection, statements }: Seen, started: number): Promise<StepOutcome> {
  const stay = await system.lasting([{ sql: 'BEGIN', connection, state: 'done' }, ...statements]);
  const end = { status: 'failed', ...told, duration_ms: since(started) } as const;
  return stay.length === 0 ? { ...end, halfApplied: false } : { ...end, halfApplied: true, leftovers: await inWords(stay, system) };
}

export const succeeded = (end: RunEnd) => end.word?.kind === 'done' && !end.timedOut;

async function run(programs: Programs, migration: Migration, direction: Direction, context: RevertContext, mark: Mark, seen: Seen): Promise<RunEnd> {
  const { database, system } = programs;
  const { settings, target, fence, signal, timeoutSeconds } = context;
  let held: Awaited<ReturnType<typeof system.enter>>;
  const steps = context.refuseLosses ? await database.bookkeeping.steps(target, context.refuseLosses.operationId) : [];
  return runOnDatabase(programs, {
    target, settings, signal, timeoutSeconds,
    job: { kind: 'run', groups: [groupOf(settings, migration, direction)], files: filesOf(settings, [migration]), scratch: false },
    async around({ moment, connection, statements }, session) {
      Object.assign(seen, { connection, statements });
      if (moment === 'before') {
        held = await system.enter(session, fence, context);
        await requireWork(programs, session, migration, direction, context);
        if (context.refuseLosses) await requireLossless(programs, session, migration, steps);
        await barrier('before-script', signal);
        return;
      }
      await barrier('after-script', signal);
      const differs = !isAsTried(migration, direction, statements);
      if (context.refuseLosses && differs) throw wouldLose(migration.name, 'it sent other statements than when it was tried');
      await system.leave(session, fence, held, { migration: migration.name, action: direction === 'up' ? 'applied' : 'reverted', ledgerId: writeMark({ ...mark, differs }) });
      await barrier(`${direction === 'up' ? '' : 'revert-'}before-commit`, signal);
    },
  });
}

export async function markOf({ database, system }: Programs, migration: Migration, direction: Direction, { target }: Pick<StepContext, 'target'>): Promise<Mark> {
  const session = await database.connect(target, 'read ledger');
  try {
    return { sha256: sha256(migration.up), direction, attempt: randomUUID(), incarnation: await system.incarnation(session), differs: false };
  } finally {
    await session.close();
  }
}

/** Under the lock that keeps other runners out. @throws AlreadyDone */
async function requireWork({ system, tool }: Programs, session: Session, migration: Migration, direction: Direction, { target, settings }: StepContext): Promise<void> {
  await system.lockLedger(session, target.schema, settings.migrations.table);
  const rows = await system.ledgerRows(session, target.schema, settings.migrations.table, tool.ledger);
  const isThere = rows?.some(({ name }) => name === migration.name) ?? false;
  if (isThere === (direction === 'up')) throw new AlreadyDone();
}

/** Before it runs: by what up and down sent when they were tried, and by what the up sent when it was applied. */
export async function requireLossless({ system }: Programs, session: Session | null, migration: Migration, steps: readonly StepRow[]): Promise<void> {
  const { tried } = migration.program!;
  if (!tried || tried.down === null || tried.failed !== null) throw wouldLose(migration.name, 'what its down does was not found out beside the database');
  const applied = steps.findLast((step) => step.migration === migration.name && step.action === 'applied');
  if (applied === undefined || readMark(applied.ledger_id)?.differs !== false) throw wouldLose(migration.name, 'it sent other statements than when it was tried');
  await system.refuseLosses(session, migration.name, tried.up, tried.down, steps);
}

export function isAsTried({ program }: Migration, direction: Direction, statements: readonly SentStatement[]): boolean {
  const tried = direction === 'up' ? program?.tried?.up : program?.tried?.down;
  return tried?.length === statements.length && statements.every(({ sql }, at) => sql === tried[at]);
}

/** Whether the attempt committed, when it did not live to say so. Its sessions are gone. */
export async function isRecorded({ database }: Programs, { target, fence }: StepContext, attempt: string): Promise<boolean> {
  const steps = await database.bookkeeping.steps(target, fence.operationId);
  return steps.some((step) => step.action !== 'started' && readMark(step.ledger_id)?.attempt === attempt);
}

function lockRefused({ system }: Programs, { word }: RunEnd): boolean {
  if (word?.kind !== 'failed') return false;
  const { driver, name } = word.thrown;
  return name === 'LockError' || name === 'MigrationLocked' || (driver !== null && system.isLockFailure(driver));
}

export function requireSameScript(migration: Migration, last: LastStep | undefined): void {
  if (last?.action !== 'applied' || last.mark.sha256 === sha256(migration.up)) return;
  throw new FaberError({
    code: 'history_conflict',
    message: `${migration.name} was applied from another file than the one of this plan. Nothing was changed.`,
    suggestions: ['Restore the file from version control, and write a new migration for what was meant'],
  });
}

export async function stateOf({ database, system, tool }: Programs, { target, settings }: Pick<StepContext, 'target' | 'settings'>) {
  return ledgerState(database, system, tool.ledger, target, settings);
}

function lockTimeout({ lockTimeoutSeconds }: StepContext): FaberError {
  return new FaberError({
    code: 'lock_timeout',
    message: `A lock was not to be had within ${lockTimeoutSeconds} seconds. Nothing of this migration was changed.`,
    suggestions: ['See who holds it (pg_locks, pg_stat_activity), let it end, and try again', 'Or set migrations.lock_timeout_seconds higher'],
  });
}

function wouldLose(name: string, why: string): FaberError {
  return new FaberError({
    code: 'would_lose_data',
    message: `Reverting ${name} may lose data: ${why}. It was not reverted.`,
    result: { migration: name },
    suggestions: ['Keep the migration and mend it forward, or have a person decide to revert it and take the loss.'],
  });
}
