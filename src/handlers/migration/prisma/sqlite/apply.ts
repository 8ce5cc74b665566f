/** Applies one migration exactly once. */
import { randomUUID } from 'node:crypto';
import { barrier } from '../../../barrier.js';
import { ScriptError, type DatabaseHandler, type ScriptFailure } from '../../../database/contract.js';
import type { Migration, StepContext, StepOutcome } from '../../contract.js';
import { matchesChecksum } from '../../script/checksum.js';
import { piecesOf, runPieces } from '../../script/sqlite/make-schema.js';
import { parseScript } from '../../script/sqlite/parse.js';
import { planTransaction } from '../../script/sqlite/transaction.js';
import { otherRunner, otherScript } from '../conflict.js';
import { AlreadyDone, since } from '../step.js';
import { openRows, provesApplied, recordApplied, type OpenRow } from './ledger-table.js';
import { isProven } from './outcome.js';

/**
 * Script and ledger row commit together, so after a crash a finished row means applied and no row means that nothing happened.
 * What no transaction can hold (VACUUM, the journal mode) changes no data and may run twice: it runs first, then its row is written.
 * @throws FaberError lock_timeout, fenced_off (nothing of this migration ran), history_conflict (a row that is not ours)
 */
export async function applyMigration(database: DatabaseHandler, migration: Migration, context: StepContext): Promise<StepOutcome> {
  const started = performance.now();
  const startedAt = Date.now();
  const script = parseScript(migration.up);
  const plan = planTransaction(script);
  const [refused] = plan.refused;
  if (refused) return failed(started, { line: refused.statement.line, message: refused.reason, statementIndex: script.statements.indexOf(refused.statement) });
  const { target, fence } = context;
  const id = randomUUID();
  const pieces = piecesOf(script, plan.statements);
  try {
    if (plan.transaction === 'standalone') {
      if (await isDone(database, migration, context)) return { status: 'already', duration_ms: since(started) };
      await database.standalone(target, fence, { ...context, timeoutSeconds: context.concurrentTimeoutSeconds }, pieces[0]!.text);
    }
    await database.inTransaction(
      target,
      fence,
      { ...context, step: { migration: migration.name, action: 'applied', ledgerId: id, proof: provesApplied(id) }, withoutForeignKeys: plan.withoutForeignKeys },
      async (session) => {
        refuseRepetition(await openRows(session, migration.name), migration);
        await barrier('before-script', context.signal);
        if (plan.transaction === 'transactional') await runPieces(session, pieces);
        await barrier('after-script', context.signal);
      },
      async (session) => {
        await recordApplied(session, id, migration, startedAt);
        await barrier('before-commit', context.signal);
      },
    );
    await barrier('after-commit', context.signal);
    return { status: 'applied', duration_ms: since(started) };
  } catch (error) {
    if (error instanceof AlreadyDone) return { status: 'already', duration_ms: since(started) };
    if (!(error instanceof ScriptError)) throw error;
    if (error.failure.connectionLost && (await isProven(database, target, provesApplied(id)))) return { status: 'applied', duration_ms: since(started) };
    return { status: 'failed', failure: error.failure, detail: error.detail, duration_ms: since(started), halfApplied: false };
  }
}

/** Of rows looked up in the script's own transaction, in which nobody else writes. */
function refuseRepetition(rows: OpenRow[], migration: Migration): void {
  const finished = rows.find((row) => row.finished);
  if (rows.some((row) => !row.finished)) throw otherRunner(migration.name);
  if (!finished) return;
  if (finished.checksum !== null && !matchesChecksum(migration.up, finished.checksum)) throw otherScript(migration.name);
  throw new AlreadyDone();
}

async function isDone(database: DatabaseHandler, migration: Migration, { target }: StepContext): Promise<boolean> {
  const session = await database.connect(target, 'standalone');
  try {
    refuseRepetition(await openRows(session, migration.name), migration);
    return false;
  } catch (error) {
    if (error instanceof AlreadyDone) return true;
    throw error;
  } finally {
    await session.close();
  }
}

function failed(started: number, facts: Pick<ScriptFailure, 'line' | 'message' | 'statementIndex'>): StepOutcome {
  const failure: ScriptFailure = { ...facts, sqlState: null, statement: null, objects: {}, connectionLost: false };
  return { status: 'failed', failure, detail: facts.message, duration_ms: since(started), halfApplied: false };
}
