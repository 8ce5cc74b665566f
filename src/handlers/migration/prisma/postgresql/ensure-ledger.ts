/** Creates Prisma's ledger where there is none, as Prisma's engine would. */
import pg from 'pg';
import type { DatabaseHandler } from '../../../database/contract.js';
import type { StepContext } from '../../contract.js';
import { createLedger, ledgerExists, PRISMA_LOCK } from './ledger-table.js';

/** Idempotent; the schema of `?schema=` is created too, as Prisma does on an empty database. */
export async function ensureLedger(database: DatabaseHandler, context: StepContext): Promise<void> {
  const { target, fence } = context;
  await database.inTransaction(target, fence, { ...context, advisoryLock: PRISMA_LOCK }, async () => {}, async (session) => {
    if (await ledgerExists(session, target.schema)) return;
    // Not IF NOT EXISTS alone: that asks for the right to create schemas even where the schema is there.
    const schemas = await session.query('SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1', [target.schema]);
    if (schemas.length === 0) await session.query(`CREATE SCHEMA ${pg.escapeIdentifier(target.schema)}`);
    await session.query(createLedger(target.schema));
  });
}
