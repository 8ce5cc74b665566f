/** Whether a file is what the manifest says: whole, and with as many rows. */
import type { BackupRecord } from '../../../../contract/backup.js';
import { ScriptError } from '../../../database/contract.js';
import { countTables } from '../../../database/sqlite/measure.js';
import { isDamaged, openFile } from '../../../database/sqlite/open.js';
import { unusable } from '../../unusable.js';
import { compareCounts } from '../compare-counts.js';

/** @throws FaberError backup_unusable */
export async function verifyFile(path: string, record: BackupRecord, signal: AbortSignal): Promise<void> {
  try {
    const connection = await openFile(path, 'write', signal);
    try {
      const faults = await connection.query<{ integrity_check: string }>('PRAGMA integrity_check(5)');
      if (faults.length !== 1 || faults[0]!.integrity_check !== 'ok') throw unusable(record, `PRAGMA integrity_check finds ${faults.length} fault(s) in it`);
      const differences = compareCounts(record.tables ?? [], await countTables(connection));
      if (differences.length > 0) throw unusable(record, `restored, ${differences.length} table(s) have another number of rows`, { differences: differences.slice(0, 10) });
    } finally {
      await connection.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (isDamaged(error) || (error instanceof ScriptError && /CORRUPT|NOTADB/.test(error.failure.sqlState ?? ''))) throw unusable(record, 'what was restored from it is no whole database');
    throw error;
  }
}
