/** Applies one migration exactly once. */
import { randomUUID } from 'node:crypto';
import { barrier } from '../../../barrier.js';
import { ScriptError, type DatabaseHandler } from '../../../database/contract.js';
import type { Migration, StepContext, StepOutcome } from '../../contract.js';
import { parseScript } from '../../script/postgresql/parse.js';
import { matchesChecksum } from '../../script/checksum.js';
import { planTransaction } from '../../script/postgresql/transaction.js';
import { openRowsQuery, PRISMA_LOCK, type OpenRow } from './ledger-table.js';
import { appliedRow } from './ledger-write.js';
import { otherRunner, otherScript } from '../conflict.js';
import { finishedAfterAll } from './outcome.js';
import { applyStandalone } from './standalone.js';
import { AlreadyDone, since } from '../step.js';

/**
 * Script and ledger row commit together, so after a crash a finished row means applied and no row means that nothing
 * happened. Scripts that no transaction can hold go through `applyStandalone`.
 * @throws FaberError lock_timeout, fenced_off (nothing of this migration ran), history_conflict (a row that is not ours).
 */
export async function applyMigration(database: DatabaseHandler, migration: Migration, context: StepContext): Promise<StepOutcome> {
  const started = performance.now();
  const plan = planTransaction(await parseScript(migration.up));
  // What it does outside a transaction must not outlive the row that says that it began.
  if (plan.transaction === 'standalone') return applyStandalone(database, migration, plan.text, { ...context, durableLater: false });
  const { target, fence } = context;
  const id = randomUUID();
  try {
    await database.inTransaction(
      target,
      fence,
      {
        ...context,
        advisoryLock: PRISMA_LOCK,
        step: { migration: migration.name, action: 'applied', ledgerId: id },
        opening: openRowsQuery(target.schema, migration.name),
        closing: appliedRow(target.schema, id, migration),
      },
      async (session, opened) => {
        refuseRepetition(opened as unknown as OpenRow[], migration);
        await barrier('before-script', context.signal);
        await session.script(plan.text);
        await barrier('after-script', context.signal);
      },
    );
    await barrier('after-commit', context.signal);
    return { status: 'applied', duration_ms: since(started) };
  } catch (error) {
    if (error instanceof AlreadyDone) return { status: 'already', duration_ms: since(started) };
    if (!(error instanceof ScriptError)) throw error;
    if (error.failure.connectionLost && (await finishedAfterAll(database, context, id))) {
      return { status: 'applied', duration_ms: since(started) };
    }
    return { status: 'failed', failure: error.failure, detail: error.detail, duration_ms: since(started), halfApplied: false };
  }
}

/** Of rows looked up under Prisma's own lock and in the script's transaction, so that nobody can come in between. */
function refuseRepetition(rows: OpenRow[], migration: Migration): void {
  const finished = rows.find((row) => row.finished);
  if (rows.some((row) => !row.finished)) throw otherRunner(migration.name);
  if (!finished) return;
  if (finished.checksum !== null && !matchesChecksum(migration.up, finished.checksum)) throw otherScript(migration.name);
  throw new AlreadyDone();
}
