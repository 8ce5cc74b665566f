/** Makes the schema of migrations in a scratch database, as Prisma makes its shadow database. */
import pg from 'pg';
import { FaberError } from '../../../../contract/failure.js';
import { ScriptError, type ConnectionTarget, type DatabaseHandler, type Session } from '../../../database/contract.js';
import type { Migration } from '../../contract.js';
import { statementsOutside, type OutsideFunctions } from './outside-effects.js';
import { parseScript } from './parse.js';
import { blank, planTransaction } from './transaction.js';

/**
 * Runs the scripts in order, without a ledger. What of them reaches outside of the database is left out.
 * @param timeoutSeconds of one script
 * @returns what was left out, in words
 * @throws FaberError plan_failed when a script fails on an empty database
 */
export async function makeSchema(
  database: DatabaseHandler, migrations: readonly Migration[], scratch: ConnectionTarget, timeoutSeconds: number, signal: AbortSignal,
): Promise<string[]> {
  const leftOut: string[] = [];
  const functions: OutsideFunctions = new Set();
  const session = await database.connect(scratch, 'compare');
  try {
    const [schema] = await session.query('SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1', [scratch.schema]);
    if (!schema) await session.query(`CREATE SCHEMA ${pg.escapeIdentifier(scratch.schema)}`);
    for (const migration of migrations) {
      signal.throwIfAborted();
      const script = await parseScript(migration.up);
      const outside = statementsOutside(script, functions);
      leftOut.push(...outside.map(({ statement, what }) => `${migration.file} line ${statement.line}: ${what}`));
      const text = blank(planTransaction(script).text, outside.map(({ statement }) => statement));
      await run(session, migration, text, timeoutSeconds);
    }
    return leftOut;
  } finally {
    await session.close();
  }
}

/** Several statements in one message are one transaction, a single one that refuses that stands alone. */
async function run(session: Session, migration: Migration, text: string, timeoutSeconds: number): Promise<void> {
  await session.query(`SET statement_timeout = ${Math.ceil(timeoutSeconds * 1000)}`);
  try {
    await session.script(text);
  } catch (error) {
    if (!(error instanceof ScriptError) || error.failure.connectionLost) throw error;
    const { line, message, sqlState } = error.failure;
    throw new FaberError({
      code: 'plan_failed',
      message: `${migration.file}${line ? `, line ${line}` : ''} fails on an empty database (${sqlState ?? 'no SQLSTATE'}: ${message}; Prisma calls this P3006). Nothing was changed.`,
      suggestions: [`Mend ${migration.file}: from an empty database the migrations must run to their end, in order`],
    }, { cause: error });
  }
  await session.query('DISCARD ALL');
}
