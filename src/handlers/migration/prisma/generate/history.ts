/** Brings a scratch database to where all migrations of the project lead. */
import pg from 'pg';
import { FaberError } from '../../../../contract/failure.js';
import { ScriptError, type ConnectionTarget, type DatabaseHandler } from '../../../database/contract.js';
import type { Migration } from '../../contract.js';
import { parseScript } from '../../script/parse.js';
import { planTransaction } from '../../script/transaction.js';

/** @throws FaberError plan_failed naming the migration that fails on an empty database. */
export async function applyHistory(database: DatabaseHandler, migrations: readonly Migration[], scratch: ConnectionTarget, signal: AbortSignal): Promise<void> {
  const session = await database.connect(scratch, 'compare');
  try {
    const [schema] = await session.query('SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1', [scratch.schema]);
    if (!schema) await session.query(`CREATE SCHEMA ${pg.escapeIdentifier(scratch.schema)}`);
    for (const migration of migrations) {
      signal.throwIfAborted();
      const { text } = planTransaction(await parseScript(migration.up));
      // Several statements in one message are one transaction, a single one that refuses that stands alone.
      await session.script(text).catch((error: unknown) => {
        throw refused(migration, error);
      });
      await session.query('DISCARD ALL');
    }
  } finally {
    await session.close();
  }
}

function refused(migration: Migration, error: unknown): unknown {
  if (!(error instanceof ScriptError) || error.failure.connectionLost) return error;
  const { line, message, sqlState } = error.failure;
  return new FaberError({
    code: 'plan_failed',
    message: `${migration.file}${line ? `, line ${line}` : ''} fails on an empty database (${sqlState ?? 'no SQLSTATE'}: ${message}; Prisma calls this P3006). Nothing was written.`,
    suggestions: ['Mend that migration: what is generated must follow from all before it'],
  }, { cause: error });
}
