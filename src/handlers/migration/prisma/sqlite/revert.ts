/** Undoes one migration by its down script. */
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import { ScriptError, type DatabaseHandler, type Session } from '../../../database/contract.js';
import type { Migration, RevertContext, StepContext, StepOutcome } from '../../contract.js';
import { refuseLosses } from '../../script/sqlite/losses.js';
import { piecesOf, runPieces } from '../../script/sqlite/make-schema.js';
import { tablesOf } from '../../script/sqlite/measure-losses.js';
import { parseScript, type Script } from '../../script/sqlite/parse.js';
import { tablesMadeBy } from '../../script/sqlite/tables.js';
import { planTransaction } from '../../script/sqlite/transaction.js';
import { otherRunner } from '../conflict.js';
import { AlreadyDone, since } from '../step.js';
import { openRows, provesRolledBack, recordRolledBack } from './ledger-table.js';
import { isProven } from './outcome.js';

/**
 * Runs the down script and marks the ledger row as rolled back in one transaction. No finished row: it was reverted before (`already`).
 * @throws FaberError would_lose_data; unsupported without a down script that can run; history_conflict for a half-applied migration; lock_timeout, fenced_off
 */
export async function revertMigration(database: DatabaseHandler, migration: Migration, context: RevertContext): Promise<StepOutcome> {
  const started = performance.now();
  const { target, fence, signal } = context;
  if (!migration.down) throw noDown(migration.name, 'it has no down.sql', `Write down.sql beside the migration.sql of ${migration.name}, or restore a backup.`);
  const script = parseScript(migration.down);
  const plan = planTransaction(script);
  const [refused] = plan.refused;
  if (refused) throw noDown(migration.name, `down.sql line ${refused.statement.line}: ${refused.reason}`, 'Mend down.sql, or restore a backup.');
  let id: string | null = null;
  try {
    const [row] = await finishedRows(database, context, migration.name);
    if (!row) return { status: 'already', duration_ms: since(started) };
    id = row.id;
    const checkLosses = await lossCheck(database, migration, script, context);
    await database.inTransaction(
      target,
      fence,
      { ...context, step: { migration: migration.name, action: 'reverted', ledgerId: row.id, proof: provesRolledBack(row.id) }, withoutForeignKeys: plan.withoutForeignKeys },
      async (session) => {
        if (!(await openRows(session, migration.name)).some((open) => open.id === row.id && open.finished)) throw new AlreadyDone();
        await checkLosses(session);
        // What no transaction can hold changes no data: there is nothing to undo about it.
        if (plan.transaction === 'transactional') await runPieces(session, piecesOf(script, plan.statements));
      },
      async (session) => {
        await recordRolledBack(session, row.id);
        await barrier('revert-before-commit', signal);
      },
    );
    await barrier('revert-after-commit', signal);
    return { status: 'reverted', duration_ms: since(started) };
  } catch (error) {
    if (error instanceof AlreadyDone) return { status: 'already', duration_ms: since(started) };
    if (!(error instanceof ScriptError)) throw error;
    if (id !== null && error.failure.connectionLost && (await isProven(database, target, provesRolledBack(id)))) return { status: 'reverted', duration_ms: since(started) };
    return { status: 'failed', failure: error.failure, detail: error.detail, duration_ms: since(started), halfApplied: false };
  }
}

/** The check of `refuseLosses`, with what it needs read before the transaction begins; no check was asked for: none. */
async function lossCheck(database: DatabaseHandler, migration: Migration, down: Script, context: RevertContext) {
  if (!context.refuseLosses) return async () => {};
  const { operationId } = context.refuseLosses;
  const { target } = context;
  const tables = await tablesOf(database, target);
  const before = tablesMadeBy((context.before ?? []).map(({ up }) => up));
  const applied = (await database.bookkeeping.steps(target, operationId)).find(({ migration: name, action }) => name === migration.name && action === 'applied');
  return async (session: Session) => {
    const quiet = applied?.xid ? await database.nothingWrittenSince(target, { position: applied.xid }, operationId) : { proven: false, reason: 'whether others have written since is not known' };
    await refuseLosses(session, { name: migration.name, up: parseScript(migration.up), before, down, tables, quiet });
  };
}

async function finishedRows(database: DatabaseHandler, context: StepContext, name: string) {
  const session = await database.connect(context.target, 'revert');
  try {
    const rows = await openRows(session, name);
    if (rows.some((row) => !row.finished)) throw otherRunner(name);
    return rows;
  } finally {
    await session.close();
  }
}

function noDown(name: string, why: string, suggestion: string): FaberError {
  return new FaberError({ code: 'unsupported', message: `${name} cannot be reverted by a script: ${why}. Nothing was changed.`, suggestions: [suggestion] });
}
