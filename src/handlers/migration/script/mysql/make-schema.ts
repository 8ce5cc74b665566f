/** Makes the schema of migrations in a scratch database, as Prisma makes its shadow database. */
import { FaberError } from '../../../../contract/failure.js';
import { ScriptError, type ConnectionTarget, type DatabaseHandler, type Session } from '../../../database/contract.js';
import { nameOf } from '../../../database/mysql/tokens.js';
import type { Migration } from '../../contract.js';
import { inWords } from './take-back.js';
import { requireDefaultMode } from './mode.js';
import { planScript } from './plan.js';
import { parseScript, type Statement } from './statements.js';

/**
 * Runs the scripts in order, without a ledger. What of them reaches outside of the database is left out: also every statement that
 * names another database of the server, since the scratch database has the rights of the role that runs it.
 * @returns what was left out, in words
 * @throws FaberError plan_failed when a script fails on an empty database
 */
export async function makeSchema(database: DatabaseHandler, migrations: readonly Migration[], scratch: ConnectionTarget, signal: AbortSignal): Promise<string[]> {
  const leftOut: string[] = [];
  const session = await database.connect(scratch.within(signal), 'compare');
  try {
    await requireDefaultMode(session);
    const databases = new Set((await session.query<{ name: string }>('SELECT schema_name AS name FROM information_schema.schemata')).map(({ name }) => name.toLowerCase()));
    databases.delete(scratch.database.toLowerCase());
    for (const migration of migrations) {
      signal.throwIfAborted();
      const script = parseScript(migration.up);
      if (script.error) throw failed(migration, script.error.line, script.error.what);
      const { changes } = planScript(script);
      for (const [at, statement] of script.statements.entries()) {
        const change = changes[at]!;
        const elsewhere = databaseNamedIn(statement, databases);
        if (change.kind === 'outside' || change.kind === 'use' || elsewhere !== null) {
          leftOut.push(`${migration.file} line ${statement.line}: ${inWords(change)}${elsewhere === null ? '' : ` names the database ${elsewhere}`}`);
          continue;
        }
        await run(session, migration, statement);
      }
      // What a script sets ends with it, as with a session of its own.
      await session.query('SET SESSION sql_mode = DEFAULT, foreign_key_checks = DEFAULT, unique_checks = DEFAULT, autocommit = 1');
    }
    return leftOut;
  } finally {
    await session.close();
  }
}

/** A table may be called like a database of the server: then too much is left out, and told, which is the safe side. */
function databaseNamedIn({ tokens }: Statement, databases: ReadonlySet<string>): string | null {
  for (const [at, token] of tokens.entries()) {
    const name = nameOf(token);
    if (name !== null && tokens[at + 1]?.text === '.' && tokens[at - 1]?.text !== '.' && databases.has(name.toLowerCase())) return name;
  }
  return null;
}

async function run(session: Session, migration: Migration, statement: Statement): Promise<void> {
  try {
    await session.script(statement.text);
  } catch (error) {
    if (!(error instanceof ScriptError) || error.failure.connectionLost) throw error;
    throw failed(migration, statement.line, error.failure.message, error);
  }
}

function failed(migration: Migration, line: number | null, message: string, cause?: unknown): FaberError {
  return new FaberError({
    code: 'plan_failed',
    message: `${migration.file}${line === null ? '' : `, line ${line}`} fails on an empty database (${message}; Prisma calls this P3006). Nothing was changed.`,
    suggestions: [`Mend ${migration.file}: from an empty database the migrations must run to their end, in order`],
  }, { cause });
}
