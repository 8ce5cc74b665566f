/** Makes the schema of scripts in a scratch database. */
import { FaberError } from '../../../../contract/failure.js';
import { ScriptError, type ConnectionTarget, type DatabaseHandler, type Session } from '../../../database/contract.js';
import type { Migration } from '../../contract.js';
import { parseScript, type Script } from './parse.js';
import { planTransaction } from './transaction.js';

/**
 * Runs the scripts in order, without a ledger. ATTACH and what else reaches into other files is left out.
 * @param timeoutSeconds of one script
 * @returns what was left out, in words
 * @throws FaberError plan_failed when a script fails on an empty database
 */
export async function makeSchema(
  database: DatabaseHandler, migrations: readonly Migration[], scratch: ConnectionTarget, timeoutSeconds: number, signal: AbortSignal,
): Promise<string[]> {
  const leftOut: string[] = [];
  for (const migration of migrations) {
    signal.throwIfAborted();
    const script = parseScript(migration.up);
    for (const { statement, reason } of planTransaction(script).refused) leftOut.push(`${migration.file} line ${statement.line}: ${reason}`);
    const within = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]);
    const session = await database.connect(scratch.within(within), 'compare');
    try {
      await runOn(session, script);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ScriptError)) throw error;
      throw failsOnEmpty(migration, error, within.aborted ? timeoutSeconds : null);
    } finally {
      await session.close();
    }
  }
  return leftOut;
}

/** As it runs on the database itself: one transaction, foreign keys as the script wants them. */
export async function runOn(session: Session, script: Script): Promise<void> {
  const plan = planTransaction(script);
  const refused = plan.refused.map(({ statement }) => statement);
  const pieces = piecesOf(script, plan.statements.filter((statement) => !refused.includes(statement)));
  if (plan.transaction === 'standalone') return session.script(pieces[0]!.text);
  await session.query(`PRAGMA foreign_keys = ${plan.withoutForeignKeys ? 'OFF' : 'ON'}`);
  await session.query('BEGIN');
  try {
    await runPieces(session, pieces);
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

export interface Piece { line: number; statementIndex: number; text: string }

/** Statements with their places in the script: what is left out of it moves none. */
export function piecesOf({ text, statements }: Script, wanted: readonly Script['statements'][number][]): Piece[] {
  return wanted.map((statement) => ({ line: statement.line, statementIndex: statements.indexOf(statement), text: text.slice(statement.start, statement.end) }));
}

/** The port runs scripts; a session of SQLite also runs statements whose places are known. */
export async function runPieces(session: Session, pieces: readonly Piece[]): Promise<void> {
  await (session as Session & { run(pieces: readonly Piece[]): Promise<void> }).run(pieces);
}

function failsOnEmpty({ file }: Migration, error: ScriptError, timeout: number | null): FaberError {
  const { line, message, sqlState } = error.failure;
  const why = timeout === null ? `${sqlState ?? 'no code'}: ${message}` : `it ran longer than ${timeout} seconds`;
  return new FaberError({
    code: 'plan_failed',
    message: `${file}${line ? `, line ${line}` : ''} fails on an empty database (${why}; Prisma calls this P3006). Nothing was changed.`,
    suggestions: [`Mend ${file}: from an empty database the migrations must run to their end, in order`],
  }, { cause: error });
}
