/** Whether a database's schema is what the migrations make: they are applied to a scratch database and compared. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type ConnectionTarget, type DatabaseHandler, type Session } from '../../database/contract.js';
import type { Migration } from '../contract.js';
import { parseScript } from '../script/parse.js';
import { planTransaction } from '../script/transaction.js';
import { dropWhoeverIsIn } from '../../database/postgresql/drop-database.js';
import { catalogObjects } from './catalog.js';
import { holdScratch } from './running.js';

/** How long another comparison of the same database is waited for, seconds. */
const WAIT = 300;

/**
 * The scratch database lies on the server of the target, since extensions, locale and version must be the same. Its name
 * follows from the target's, so that the left-over of a killed worker is found and dropped by the next comparison.
 * @returns differences as short lines, without definitions (they can hold literals).
 * @throws FaberError plan_failed when the scratch database cannot be made, or a migration fails on it.
 */
export async function compareSchema(
  database: DatabaseHandler, migrations: readonly Migration[], target: ConnectionTarget, signal: AbortSignal,
): Promise<string[]> {
  const scratch = scratchName(target.database);
  const session = await database.connect(target, 'compare');
  try {
    await holdScratch(session, { lockTimeoutSeconds: WAIT, signal });
    await dropWhoeverIsIn(session, scratch);
    try {
      await create(session, scratch);
      const made = await makeSchema(database, migrations, target.withDatabase(scratch), signal);
      return differences(made, await catalogObjects(session));
    } finally {
      await dropWhoeverIsIn(session, scratch);
    }
  } finally {
    await session.close();
  }
}

const scratchName = (name: string) => `faber_db_scratch_${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;


/** From template0, with the target's encoding and locale: template1 may hold objects of its own. */
async function create(session: Session, scratch: string): Promise<void> {
  const [locale] = await session.query<{ encoding: string; lc_collate: string; lc_ctype: string }>(
    `SELECT pg_catalog.pg_encoding_to_char(encoding) AS encoding, datcollate AS lc_collate, datctype AS lc_ctype
       FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`,
  );
  const options = Object.entries(locale!).map(([name, value]) => `${name.toUpperCase()} = ${pg.escapeLiteral(value)}`);
  try {
    await session.query(`CREATE DATABASE ${pg.escapeIdentifier(scratch)} TEMPLATE = template0 ${options.join(' ')}`);
  } catch (error) {
    throw refused(`The scratch database ${scratch} could not be created`, error, 'Give the role CREATEDB, or compare the schema by hand.');
  }
}

/** Applies all migrations to an empty database and tells what there is then. */
async function makeSchema(database: DatabaseHandler, migrations: readonly Migration[], scratch: ConnectionTarget, signal: AbortSignal) {
  const session = await database.connect(scratch, 'compare');
  try {
    const [schema] = await session.query('SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1', [scratch.schema]);
    if (!schema) await session.query(`CREATE SCHEMA ${pg.escapeIdentifier(scratch.schema)}`);
    for (const migration of migrations) {
      signal.throwIfAborted();
      const { text } = planTransaction(await parseScript(migration.up));
      // Several statements in one message are one transaction, a single one that refuses that stands alone.
      await session.script(text).catch((error: unknown) => {
        throw refused(`${migration.file} fails on an empty database`, error, 'Mend the migration, or compare the schema by hand.');
      });
      await session.query('DISCARD ALL');
    }
    return await catalogObjects(session);
  } finally {
    await session.close();
  }
}

function differences(expected: Map<string, string>, found: Map<string, string>): string[] {
  const lines: string[] = [];
  for (const [object, definition] of expected) {
    if (!found.has(object)) lines.push(`${object}: made by the migrations, missing in the database`);
    else if (found.get(object) !== definition) lines.push(`${object}: differs from what the migrations make`);
  }
  for (const object of found.keys()) if (!expected.has(object)) lines.push(`${object}: in the database, made by no migration`);
  return lines.sort();
}

function refused(what: string, error: unknown, suggestion: string): unknown {
  if (!(error instanceof ScriptError)) return error;
  const { line, message, sqlState } = error.failure;
  return new FaberError({
    code: 'plan_failed',
    message: `${what}${line ? `, line ${line}` : ''} (${sqlState ?? 'no SQLSTATE'}: ${message}). The database was not changed.`,
    suggestions: [suggestion],
  }, { cause: error });
}
