/** Ledger changes without running a script: resolve and baseline. */
import type { DatabaseHandler } from '../../../database/contract.js';
import type { StepContext } from '../../contract.js';
import { openRows, PRISMA_LOCK } from './ledger-table.js';
import { recordRolledBack, recordWithoutRunning, type Recorded } from './ledger-write.js';

/**
 * Settles the failed rows of a migration as `prisma migrate resolve` does: they become history, and `applied` adds a
 * finished row. Nothing failed: nothing happens, so it may be repeated.
 */
export async function resolveFailed(database: DatabaseHandler, migration: Recorded, as: 'applied' | 'rolled_back', context: StepContext): Promise<void> {
  const { schema } = context.target;
  await database.inTransaction(context.target, context.fence, { ...context, advisoryLock: PRISMA_LOCK }, async () => {}, async (session) => {
    const rows = await openRows(session, schema, migration.name);
    const failed = rows.filter((row) => !row.finished);
    for (const row of failed) await recordRolledBack(session, schema, row.id);
    if (as === 'applied' && failed.length > 0 && failed.length === rows.length) await recordWithoutRunning(session, schema, migration);
  });
}

/** Records migrations as applied without running them, all or none. Those recorded before are left alone. */
export async function recordBaseline(database: DatabaseHandler, migrations: readonly Recorded[], context: StepContext): Promise<void> {
  const { schema } = context.target;
  await database.inTransaction(context.target, context.fence, { ...context, advisoryLock: PRISMA_LOCK }, async () => {}, async (session) => {
    for (const migration of migrations) {
      if ((await openRows(session, schema, migration.name)).length === 0) await recordWithoutRunning(session, schema, migration);
    }
  });
}
