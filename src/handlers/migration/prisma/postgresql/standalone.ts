/** Applies a script that no transaction can hold: marked before, run alone, decided by looking when its end is not known. */
import { randomUUID } from 'node:crypto';
import { barrier } from '../../../barrier.js';
import { ScriptError, type DatabaseHandler, type ScriptFailure, type Session } from '../../../database/contract.js';
import type { Migration, StepContext, StepOutcome } from '../../contract.js';
import { parseScript, type Script } from '../../script/postgresql/parse.js';
import { matchesChecksum } from '../../script/checksum.js';
import { otherRunner, otherScript } from '../conflict.js';
import { openRows } from './ledger-table.js';
import { recordBegun, recordFinished, recordLogs, recordRolledBack } from './ledger-write.js';
import { look, type Looked } from './look.js';
import { awaitEndOf, holdPrismaOff } from './running.js';
import { since } from '../step.js';

/** One attempt at one migration; `guard` holds Prisma's advisory lock as long as it lasts. */
interface Attempt {
  database: DatabaseHandler;
  migration: Migration;
  text: string;
  script: Script;
  context: StepContext;
  guard: Session;
  started: number;
}

/**
 * @throws FaberError lock_timeout while another runner of Prisma is at work; fenced_off; history_conflict. What the
 *   script left after any other end (a killed worker) is decided by the next call of the same operation.
 */
export async function applyStandalone(database: DatabaseHandler, migration: Migration, text: string, context: StepContext): Promise<StepOutcome> {
  const started = performance.now();
  const script = await parseScript(migration.up);
  const guard = await database.connect(context.target, 'standalone');
  try {
    await holdPrismaOff(guard, context);
    return await decideAndRun({ database, migration, text, script, context, guard, started });
  } finally {
    await guard.close();
  }
}

async function decideAndRun(attempt: Attempt): Promise<StepOutcome> {
  const { database, migration, text, context, guard, started } = attempt;
  const rows = await openRows(guard, context.target.schema, migration.name);
  const finished = rows.find((row) => row.finished);
  if (finished && finished.checksum !== null && !matchesChecksum(migration.up, finished.checksum)) throw otherScript(migration.name);
  if (finished && rows.length === 1) return { status: 'already', duration_ms: since(started) };
  const begun = rows.find((row) => !row.finished);
  if (!begun) return begin(attempt);
  const steps = await database.bookkeeping.steps(context.target, context.fence.operationId);
  if (finished || rows.length > 1 || !steps.some((step) => step.action === 'started' && step.ledger_id === begun.id)) throw otherRunner(migration.name);
  await awaitEndOf(guard, text, context);
  return resume(attempt, begun.id, await look(guard, attempt.script));
}

/** An earlier attempt of this operation began; it is not running any more. */
async function resume(attempt: Attempt, id: string, looked: Looked): Promise<StepOutcome> {
  if (looked.state === 'done') return finish(attempt, id);
  if (looked.state === 'unknown') {
    return leaveHalfApplied(attempt, id, interrupted(attempt.migration.name), 'began, and its end was not recorded', looked.reason);
  }
  await dropInvalid(attempt, looked.invalid);
  return run(attempt, id);
}

async function begin(attempt: Attempt): Promise<StepOutcome> {
  const { database, context, migration, guard, script } = attempt;
  const before = await look(guard, script);
  // A valid index of this name would later pass for ours, so it is found out before anything is marked.
  if (before.state === 'done' && createsUnconditionally(script)) return failed(attempt, alreadyThere(script), 'its object exists already');
  if (before.state === 'nothing') await dropInvalid(attempt, before.invalid);
  const id = randomUUID();
  await database.inTransaction(
    context.target,
    context.fence,
    { ...context, step: { migration: migration.name, action: 'started', ledgerId: id } },
    async () => {},
    (session) => recordBegun(session, context.target.schema, id, migration),
  );
  return run(attempt, id);
}

async function run(attempt: Attempt, id: string): Promise<StepOutcome> {
  const { database, context, text, guard, script } = attempt;
  await barrier('standalone-before-script', context.signal);
  try {
    await database.standalone(context.target, context.fence, { ...context, timeoutSeconds: context.concurrentTimeoutSeconds }, text);
    await barrier('standalone-after-script', context.signal);
  } catch (error) {
    if (context.signal.aborted) await settleEnded(attempt, id);
    if (context.signal.aborted || !(error instanceof ScriptError)) throw error;
    if (error.failure.connectionLost) await awaitEndOf(guard, text, context);
    const looked = await look(guard, script);
    // A statement that the server reported as failed is not done, whatever was there before.
    if (looked.state === 'done' && error.failure.connectionLost) return finish(attempt, id);
    if (looked.state === 'unknown') return leaveHalfApplied(attempt, id, error.failure, error.detail, looked.reason);
    if (looked.state === 'nothing') await dropInvalid(attempt, looked.invalid);
    await amend(attempt, (session) => recordRolledBack(session, context.target.schema, id));
    return failed(attempt, error.failure, error.detail);
  }
  return finish(attempt, id);
}

/** Ended by a cancel or a deploy: what it left is told by looking while we still can, so that an undo finds no half of it. */
async function settleEnded(attempt: Attempt, id: string): Promise<void> {
  const { context, text, guard, script } = attempt;
  await awaitEndOf(guard, text, heedless(context));
  const looked = await look(guard, script);
  if (looked.state === 'done') await finish(attempt, id);
  if (looked.state !== 'nothing') return;
  await dropInvalid(attempt, looked.invalid);
  await amend(attempt, (session) => recordRolledBack(session, context.target.schema, id));
}

/** What has happened is recorded in spite of a cancel. */
function heedless(context: StepContext): StepContext {
  return { ...context, signal: new AbortController().signal };
}

async function finish(attempt: Attempt, id: string): Promise<StepOutcome> {
  const { database, context, migration } = attempt;
  await database.inTransaction(
    context.target,
    context.fence,
    { ...heedless(context), step: { migration: migration.name, action: 'applied', ledgerId: id } },
    async () => {},
    (session) => recordFinished(session, context.target.schema, id),
  );
  return { status: 'applied', duration_ms: since(attempt.started) };
}

/**
 * The row stays unfinished, so that Prisma's CLI stops at it as well, until a person decides. Not told as a broken
 * connection, even after one: trying again would find out no more.
 */
async function leaveHalfApplied(attempt: Attempt, id: string, failure: ScriptFailure, detail: string, reason: string): Promise<StepOutcome> {
  const told = `faber-db: ${failure.sqlState ? `SQLSTATE ${failure.sqlState}` : 'outcome unknown'}${failure.line ? ` (line ${failure.line})` : ''}`;
  await amend(attempt, (session) => recordLogs(session, attempt.context.target.schema, id, told));
  const leftovers = [`What ${attempt.migration.name} left is not known: ${reason}.`];
  return { status: 'failed', failure: { ...failure, connectionLost: false }, detail, duration_ms: since(attempt.started), halfApplied: true, leftovers };
}

function failed(attempt: Attempt, failure: ScriptFailure, detail: string): StepOutcome {
  return { status: 'failed', failure, detail, duration_ms: since(attempt.started), halfApplied: false };
}

async function amend({ database, context }: Attempt, record: (session: Session) => Promise<void>): Promise<void> {
  await database.inTransaction(context.target, context.fence, heedless(context), async () => {}, record);
}

/** INVALID indexes of exactly the name and table of this script: nothing uses them, and a new build needs the name. */
async function dropInvalid({ database, context }: Attempt, invalid: readonly string[]): Promise<void> {
  for (const index of invalid) {
    await database.standalone(context.target, context.fence, { ...heedless(context), timeoutSeconds: context.concurrentTimeoutSeconds }, `DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
  }
}

function createsUnconditionally({ statements }: Script): boolean {
  const node = statements[0]!.node;
  return ('IndexStmt' in node && !node.IndexStmt.if_not_exists) || 'CreatedbStmt' in node;
}

const interrupted = (name: string): ScriptFailure => ({
  sqlState: null, message: `${name} began outside a transaction and its end was not recorded`,
  line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false,
});

const alreadyThere = ({ statements }: Script): ScriptFailure => ({
  sqlState: '42P07', message: 'the object that the script creates exists already',
  line: statements[0]!.line, statementIndex: 0, statement: null, objects: {}, connectionLost: false,
});
