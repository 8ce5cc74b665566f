/** Applies one migration exactly once. */
import { randomUUID } from 'node:crypto';
import { barrier } from '../../../barrier.js';
import { ScriptError, type DatabaseHandler, type ScriptFailure, type Session } from '../../../database/contract.js';
import { inTransaction, recordStep } from '../../../database/mysql/transaction.js';
import { mysqlTarget } from '../../../database/mysql/url.js';
import type { Migration, StepContext, StepOutcome } from '../../contract.js';
import { matchesChecksum } from '../../script/checksum.js';
import { requireDefaultMode } from '../../script/mysql/mode.js';
import { planScript, type ScriptPlan } from '../../script/mysql/plan.js';
import { runScript } from '../../script/mysql/run.js';
import { parseScript, type Script } from '../../script/mysql/statements.js';
import { otherRunner, otherScript } from '../conflict.js';
import { AlreadyDone, since } from '../step.js';
import { openRows, PRISMA_LOCK, recordBegun, recordFinished, recordLogs, recordRolledBack, type OpenRow } from './ledger-table.js';

/**
 * A script of rows and its ledger row are one transaction. Any other runs statement by statement, with a ledger row and a step from
 * before its first one; what an earlier attempt of this operation began goes on where it was cut off, or is taken back.
 * @throws FaberError lock_timeout (nothing of it is there), fenced_off, history_conflict (a row that is not ours)
 */
export async function applyMigration(database: DatabaseHandler, migration: Migration, context: StepContext): Promise<StepOutcome> {
  const started = performance.now();
  const script = parseScript(migration.up);
  const plan = planScript(script);
  const refusal = refusalOf(script, plan);
  if (refusal) return { status: 'failed', failure: refusal, detail: refusal.message, duration_ms: since(started), halfApplied: false };
  const begun = await begunBefore(database, migration, context);
  if (begun === 'done') return { status: 'already', duration_ms: since(started) };
  if (plan.transaction === 'transactional' && begun === null) return applyRows(database, migration, script, plan, context, started);
  return applyByStatement(migration, script, plan, context, begun ?? randomUUID(), started);
}

export function refusalOf(script: Script, plan: ScriptPlan): ScriptFailure | null {
  const why = script.error ? { line: script.error.line, what: script.error.what } : plan.refused[0];
  return why ? { sqlState: null, message: `it was not run: ${why.what}`, line: why.line, statementIndex: null, statement: null, objects: {}, connectionLost: false } : null;
}

/** Null: it may begin; `done`; or the ledger row that an attempt before this one of the same operation began. */
async function begunBefore(database: DatabaseHandler, migration: Migration, { target, fence }: StepContext): Promise<string | null> {
  const session = await database.connect(target, 'ledger');
  try {
    const rows = await openRows(session, target.database, migration.name);
    if (rows.length === 0) return null;
    const finished = finishedAs(rows, migration);
    if (finished) return 'done';
    const [begun] = rows;
    const steps = await database.bookkeeping.steps(target, fence.operationId);
    if (rows.length > 1 || !steps.some((step) => step.action === 'started' && step.ledger_id === begun!.id)) throw otherRunner(migration.name);
    return begun!.id;
  } finally {
    await session.close();
  }
}

function finishedAs(rows: readonly OpenRow[], migration: Migration): boolean {
  const finished = rows.find((row) => row.finished);
  if (!finished) return false;
  if (rows.some((row) => !row.finished)) throw otherRunner(migration.name);
  if (finished.checksum !== null && !matchesChecksum(migration.up, finished.checksum)) throw otherScript(migration.name);
  return true;
}

async function applyRows(database: DatabaseHandler, migration: Migration, script: Script, plan: ScriptPlan, context: StepContext, started: number): Promise<StepOutcome> {
  const { target, fence } = context;
  const id = randomUUID();
  const options = { ...context, toolLock: PRISMA_LOCK, step: { migration: migration.name, action: 'applied' as const, ledgerId: id } };
  try {
    await database.inTransaction(target, fence, options, async (session) => {
      // Under Prisma's own lock, so that nobody comes in between.
      const rows = await openRows(session, target.database, migration.name);
      if (finishedAs(rows, migration)) throw new AlreadyDone();
      if (rows.length > 0) throw otherRunner(migration.name);
      await requireDefaultMode(session);
      await barrier('before-script', context.signal);
      await runRows(session, script, plan);
      await session.query('SET SESSION sql_mode = DEFAULT');
      await recordBegun(session, target.database, id, migration);
      await recordFinished(session, target.database, id);
      await barrier('after-script', context.signal);
    }, () => barrier('before-commit', context.signal));
    await barrier('after-commit', context.signal);
    return { status: 'applied', duration_ms: since(started) };
  } catch (error) {
    if (error instanceof AlreadyDone) return { status: 'already', duration_ms: since(started) };
    if (!(error instanceof ScriptError)) throw error;
    // Broken off: whether it took effect is read by the next attempt, so `connectionLost` goes up as it is.
    return { status: 'failed', failure: error.failure, detail: error.detail, duration_ms: since(started), halfApplied: false };
  }
}

async function runRows(session: Session, script: Script, plan: ScriptPlan): Promise<void> {
  for (const [at, statement] of script.statements.entries()) {
    if (plan.changes[at]!.kind === 'nothing') continue;
    try {
      await session.script(statement.text);
    } catch (error) {
      if (!(error instanceof ScriptError) || error.failure.connectionLost) throw error;
      // The error itself, since its number decides whether it is tried again.
      Object.assign(error.failure, { line: statement.line + (error.failure.line ?? 1) - 1, statementIndex: at });
      throw error;
    }
  }
}

async function applyByStatement(migration: Migration, script: Script, plan: ScriptPlan, context: StepContext, id: string, started: number): Promise<StepOutcome> {
  const target = mysqlTarget(context.target);
  const { fence } = context;
  const { database } = target;
  const step = (session: Session, action: 'started' | 'applied' | 'reverted') => recordStep(session, target, fence, { migration: migration.name, action, ledgerId: id });
  const end = await runScript({
    target, fence, key: id, migration: migration.name, script, plan,
    options: { ...context, toolLock: PRISMA_LOCK, timeoutSeconds: context.concurrentTimeoutSeconds },
    record: {
      async begin(session) {
        const rows = await openRows(session, database, migration.name);
        if (rows.length > 0) throw otherRunner(migration.name);
        await recordBegun(session, database, id, migration);
        await step(session, 'started');
      },
      async finish(session) {
        await recordFinished(session, database, id);
        await step(session, 'applied');
      },
      takenBack: (session) => recordRolledBack(session, database, id),
    },
  });
  const duration_ms = () => since(started);
  if (end.status === 'done') return { status: 'applied', duration_ms: duration_ms() };
  const told = { status: 'failed' as const, failure: { ...end.failure, connectionLost: false }, detail: end.detail, duration_ms: duration_ms() };
  if (!end.halfApplied) return { ...told, halfApplied: false };
  await keepLogs(context, id, end.failure).catch(() => undefined);
  return { ...told, halfApplied: true, leftovers: end.leftovers };
}

/** The row stays unfinished, so that Prisma's CLI stops at it as well, until a person decides. */
async function keepLogs(context: StepContext, id: string, failure: ScriptFailure): Promise<void> {
  const target = mysqlTarget(context.target);
  await inTransaction(target, context.fence, { ...context, signal: new AbortController().signal }, (session) => recordLogs(session, target.database, id, `faber-db: ${failure.message}${failure.line ? ` (line ${failure.line})` : ''}`));
}
