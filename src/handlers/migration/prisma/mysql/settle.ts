/** Ledger changes without running a script: resolve and baseline. */
import { inTransaction } from '../../../database/mysql/transaction.js';
import { mysqlTarget } from '../../../database/mysql/url.js';
import type { StepContext } from '../../contract.js';
import { openRows, PRISMA_LOCK, recordRolledBack, recordWithoutRunning, type Recorded } from './ledger-table.js';

/** Settles the failed rows of a migration as `prisma migrate resolve` does. Nothing failed: nothing happens. */
export async function resolveFailed(migration: Recorded, as: 'applied' | 'rolled_back', context: StepContext): Promise<void> {
  const target = mysqlTarget(context.target);
  await inTransaction(target, context.fence, { ...context, toolLock: PRISMA_LOCK }, async (session) => {
    const rows = await openRows(session, target.database, migration.name);
    const failed = rows.filter((row) => !row.finished);
    for (const row of failed) await recordRolledBack(session, target.database, row.id);
    if (as === 'applied' && failed.length > 0 && failed.length === rows.length) await recordWithoutRunning(session, target.database, migration);
  });
}

/** Records migrations as applied without running them, all or none. Those recorded before are left alone. */
export async function recordBaseline(migrations: readonly Recorded[], context: StepContext): Promise<void> {
  const target = mysqlTarget(context.target);
  await inTransaction(target, context.fence, { ...context, toolLock: PRISMA_LOCK }, async (session) => {
    for (const migration of migrations) {
      if ((await openRows(session, target.database, migration.name)).length === 0) await recordWithoutRunning(session, target.database, migration);
    }
  });
}
