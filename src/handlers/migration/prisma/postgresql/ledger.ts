/** Reads Prisma's ledger. */
import { ledgerDigest } from '../ledger.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import type { Ledger, LedgerRow } from '../../contract.js';
import { ledgerExists, ledgerOf } from './ledger-table.js';
import { maskedLogs } from './logs.js';

/** @throws FaberError health_check_failed when the database cannot be reached. */
export async function readLedger(database: DatabaseHandler, target: ConnectionTarget): Promise<Ledger> {
  const session = await database.connect(target, 'ledger');
  try {
    if (!(await ledgerExists(session, target.schema))) return { exists: false, rows: [], digest: ledgerDigest([]) };
    const rows = await session.query<LedgerRow & Record<string, unknown>>(`
      SELECT id, migration_name AS name, checksum, logs, ${['started_at', 'finished_at', 'rolled_back_at'].map(isoTime).join(', ')}
        FROM ${ledgerOf(target.schema)} t ORDER BY t.started_at, t.migration_name, t.id`);
    const masked = rows.map((row) => ({ ...row, logs: maskedLogs(row.logs) }));
    return { exists: true, rows: masked, digest: ledgerDigest(masked) };
  } finally {
    await session.close();
  }
}

/** As text, since what a driver makes of a timestamp depends on its settings. */
const isoTime = (column: string) =>
  `to_char(t.${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ${column}`;
