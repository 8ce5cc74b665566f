/** Reads Prisma's ledger. */
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import type { Ledger, LedgerRow } from '../../contract.js';
import { ledgerDigest } from '../ledger.js';
import { LEDGER, ledgerExists, milliseconds } from './ledger-table.js';

/** @throws FaberError health_check_failed when the database cannot be reached. */
export async function readLedger(database: DatabaseHandler, target: ConnectionTarget): Promise<Ledger> {
  const session = await database.connect(target, 'ledger');
  try {
    if (!(await ledgerExists(session))) return { exists: false, rows: [], digest: ledgerDigest([]) };
    const rows = await session.query<Omit<LedgerRow, 'started_at' | 'finished_at' | 'rolled_back_at'> & Record<'started' | 'finished' | 'rolled_back', number | null>>(`
      SELECT id, migration_name AS name, checksum, logs, ${milliseconds('started_at')} AS started, ${milliseconds('finished_at')} AS finished, ${milliseconds('rolled_back_at')} AS rolled_back
        FROM ${LEDGER} ORDER BY started, migration_name, id`);
    const read = rows.map(({ started, finished, rolled_back, logs, ...row }): LedgerRow => ({ ...row, logs: maskedLogs(logs), started_at: iso(started), finished_at: iso(finished), rolled_back_at: iso(rolled_back) }));
    return { exists: true, rows: read, digest: ledgerDigest(read) };
  } finally {
    await session.close();
  }
}

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

/** Prisma writes SQLite's whole message there, which may hold values. */
function maskedLogs(logs: string | null): string | null {
  if (logs === null || logs.trim() === '') return null;
  const code = /Database error code: (\d+)\b/.exec(logs)?.[1];
  return `${code === undefined ? 'an error' : `SQLite error ${code}`}; the full text is in the column logs of the ledger`;
}
