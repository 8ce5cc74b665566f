/** Undoes one migration by its down script. */
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import { ScriptError, type DatabaseHandler, type Session } from '../../../database/contract.js';
import type { Migration, StepContext, StepOutcome } from '../../contract.js';
import { parseScript, type Script } from '../../script/postgresql/parse.js';
import { planTransaction } from '../../script/postgresql/transaction.js';
import { otherRunner } from '../conflict.js';
import { openRows, PRISMA_LOCK } from './ledger-table.js';
import { recordRolledBack } from './ledger-write.js';
import { look } from './look.js';
import { refuseLosses } from '../../script/postgresql/losses.js';
import { finishedAfterAll } from './outcome.js';
import { awaitEndOf, holdPrismaOff } from './running.js';
import { AlreadyDone, since } from '../step.js';

type RevertContext = StepContext & { refuseLosses?: { operationId: string } | null };

/**
 * Runs the down script and marks the ledger row as rolled back in one transaction, so that Prisma sees the migration as
 * pending. No finished row: it was reverted before (`already`). A down of one statement that no transaction can hold
 * (DROP INDEX CONCURRENTLY) runs alone, and the row is marked after it.
 * @throws FaberError would_lose_data (see `refuseLosses`); unsupported without a down script; history_conflict for a half-applied migration: a down assumes
 *   that its up ran fully; lock_timeout, fenced_off.
 */
export async function revertMigration(database: DatabaseHandler, migration: Migration, context: RevertContext): Promise<StepOutcome> {
  const started = performance.now();
  if (!migration.down) throw noDown(migration.name);
  const script = await parseScript(migration.down);
  const plan = planTransaction(script);
  let id: string | null = null;
  try {
    const [row] = await finishedRows(database, context, migration.name);
    if (!row) return { status: 'already', duration_ms: since(started) };
    id = row.id;
    const alone = plan.transaction === 'standalone';
    const checkLosses = await lossCheck(database, migration, script, context);
    // A statement that stands alone is judged by its kind only: nothing can be held still around it.
    if (alone) await checkLosses(null);
    if (alone) await runAlone(database, script, plan.text, context);
    await database.inTransaction(
      context.target,
      context.fence,
      { ...context, advisoryLock: PRISMA_LOCK, step: { migration: migration.name, action: 'reverted', ledgerId: id } },
      async (session) => {
        if (!(await stillFinished(session, context.target.schema, migration.name, row.id))) throw new AlreadyDone();
        if (alone) return;
        await checkLosses(session);
        await session.script(plan.text);
      },
      async (session) => {
        await recordRolledBack(session, context.target.schema, row.id);
        await barrier('revert-before-commit', context.signal);
      },
    );
    await barrier('revert-after-commit', context.signal);
    return { status: 'reverted', duration_ms: since(started) };
  } catch (error) {
    if (error instanceof AlreadyDone) return { status: 'already', duration_ms: since(started) };
    if (!(error instanceof ScriptError)) throw error;
    if (id !== null && error.failure.connectionLost && !(await finishedAfterAll(database, context, id))) {
      return { status: 'reverted', duration_ms: since(started) };
    }
    return { status: 'failed', failure: error.failure, detail: error.detail, duration_ms: since(started), halfApplied: false };
  }
}

/** The check of `refuseLosses`, with what it needs read before the transaction begins; no check was asked for: none. */
async function lossCheck(database: DatabaseHandler, migration: Migration, down: Script, context: RevertContext) {
  if (!context.refuseLosses) return async () => {};
  const up = await parseScript(migration.up);
  const steps = await database.bookkeeping.steps(context.target, context.refuseLosses.operationId);
  return (session: Session | null) => refuseLosses(session, migration.name, up, down, steps);
}

async function finishedRows(database: DatabaseHandler, context: StepContext, name: string) {
  const session = await database.connect(context.target, 'revert');
  try {
    const rows = await openRows(session, context.target.schema, name);
    if (rows.some((row) => !row.finished)) throw otherRunner(name);
    return rows;
  } finally {
    await session.close();
  }
}

async function stillFinished(session: Session, schema: string, name: string, id: string): Promise<boolean> {
  return (await openRows(session, schema, name)).some((row) => row.id === id && row.finished);
}

/** One statement; done by an earlier attempt: nothing runs. */
async function runAlone(database: DatabaseHandler, script: Script, text: string, context: StepContext): Promise<void> {
  const guard = await database.connect(context.target, 'revert');
  try {
    await holdPrismaOff(guard, context);
    await awaitEndOf(guard, text, context);
    if ((await look(guard, script)).state === 'done') return;
    await database.standalone(context.target, context.fence, { ...context, timeoutSeconds: context.concurrentTimeoutSeconds }, text);
  } finally {
    await guard.close();
  }
}

function noDown(name: string): FaberError {
  return new FaberError({
    code: 'unsupported',
    message: `${name} has no down.sql, so it cannot be reverted by a script. Nothing was changed.`,
    suggestions: [`Write down.sql beside the migration.sql of ${name}, or restore a backup.`],
  });
}
