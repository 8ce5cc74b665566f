/** Reads and creates Prisma's ledger. */
import { FaberError } from '../../../../contract/failure.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import { retryingLocks, withChangingSession } from '../../../database/mysql/changing-session.js';
import { checkFence } from '../../../database/mysql/fence.js';
import { mysqlTarget } from '../../../database/mysql/url.js';
import type { Ledger, LedgerRow, StepContext } from '../../contract.js';
import { ledgerDigest } from '../ledger.js';
import { createLedger, ledgerEngine, ledgerOf, PRISMA_LOCK } from './ledger-table.js';
import { maskedLogs } from './logs.js';

/** Prisma writes UTC into columns without a time zone. */
const isoTime = (column: string) => `CONCAT(LEFT(DATE_FORMAT(t.${column}, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z') AS ${column}`;

/** @throws FaberError health_check_failed when the database cannot be reached. */
export async function readLedger(database: DatabaseHandler, target: ConnectionTarget): Promise<Ledger> {
  const session = await database.connect(target, 'ledger');
  try {
    if ((await ledgerEngine(session, target.database)) === null) return { exists: false, rows: [], digest: ledgerDigest([]) };
    const rows = await session.query<LedgerRow>(
      `SELECT id, migration_name AS name, checksum, logs, ${['started_at', 'finished_at', 'rolled_back_at'].map(isoTime).join(', ')} FROM ${ledgerOf(target.database)} t ORDER BY t.started_at, t.migration_name, t.id`,
    );
    const masked = rows.map((row) => ({ ...row, logs: maskedLogs(row.logs) }));
    return { exists: true, rows: masked, digest: ledgerDigest(masked) };
  } finally {
    await session.close();
  }
}

/** Idempotent. @throws FaberError unsupported where the ledger's engine does not roll back */
export async function ensureLedger(context: StepContext): Promise<void> {
  const target = mysqlTarget(context.target);
  await retryingLocks(context, () => withChangingSession(target, context.fence, { ...context, toolLock: PRISMA_LOCK }, async (session) => {
    const engine = await ledgerEngine(session, target.database);
    if (engine !== null && engine.toLowerCase() !== 'innodb') {
      throw new FaberError({
        code: 'unsupported',
        message: `Prisma's ledger is a table of the engine ${engine}, which does not roll back: no migration could be recorded together with what it did. Nothing was changed.`,
        suggestions: [`ALTER TABLE ${ledgerOf(target.database)} ENGINE=InnoDB`],
      });
    }
    if (engine !== null) return;
    await checkFence(session, target, context.fence);
    await session.query(createLedger(target.database));
  }));
}
