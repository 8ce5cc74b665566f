/** Ledger changes without running a script: its making, resolve and baseline. */
import type { DatabaseHandler, Session } from '../../../database/contract.js';
import type { StepContext } from '../../contract.js';
import { CREATE_LEDGER, ledgerExists, openRows, recordRolledBack, recordWithoutRunning, type Recorded } from './ledger-table.js';

const change = (database: DatabaseHandler, context: StepContext, work: (session: Session) => Promise<void>) =>
  database.inTransaction(context.target, context.fence, context, async () => {}, work);

/** Creates Prisma's ledger where there is none, as Prisma's engine would. */
export async function ensureLedger(database: DatabaseHandler, context: StepContext): Promise<void> {
  await change(database, context, async (session) => {
    if (!(await ledgerExists(session))) await session.query(CREATE_LEDGER);
  });
}

/** Settles the failed rows of a migration as `prisma migrate resolve` does: they become history, and `applied` adds a finished row. */
export async function resolveFailed(database: DatabaseHandler, migration: Recorded, as: 'applied' | 'rolled_back', context: StepContext): Promise<void> {
  await change(database, context, async (session) => {
    const rows = await openRows(session, migration.name);
    const failed = rows.filter((row) => !row.finished);
    for (const row of failed) await recordRolledBack(session, row.id);
    if (as === 'applied' && failed.length > 0 && failed.length === rows.length) await recordWithoutRunning(session, migration);
  });
}

/** Records migrations as applied without running them, all or none. Those recorded before are left alone. */
export async function recordBaseline(database: DatabaseHandler, migrations: readonly Recorded[], context: StepContext): Promise<void> {
  await change(database, context, async (session) => {
    for (const migration of migrations) if ((await openRows(session, migration.name)).length === 0) await recordWithoutRunning(session, migration);
  });
}
