/** Takes a backup: a copy of all pages of one snapshot, and the row counts of that copy. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupRecord } from '../../../../contract/backup.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import { sqliteTarget } from '../../../database/sqlite/connection-url.js';
import { locateThere } from '../../../database/sqlite/locate.js';
import { countTables } from '../../../database/sqlite/measure.js';
import { withFile } from '../../../database/sqlite/open.js';
import { stampOf } from '../../../database/sqlite/quiet.js';
import { scratchFolder } from '../../../database/sqlite/scratch.js';
import type { BackupOptions, Store } from '../../contract.js';
import { createDump } from '../create.js';
import { pieces } from './files.js';
import { restoreCommands } from './restore-commands.js';

/**
 * By the backup API, not VACUUM INTO: that gives numbers to rows anew where no column holds them, and full-text indexes refer to these.
 * @throws FaberError backup_failed with `result.backup_error`; nothing is left behind then.
 */
export async function createBackup(database: DatabaseHandler, target: ConnectionTarget, store: Store, options: BackupOptions): Promise<BackupRecord> {
  const { signal } = options;
  return createDump(database, target, store, options, 'dump.sqlite', async (write) => {
    const { file } = await locateThere(sqliteTarget(target));
    const folder = await scratchFolder();
    try {
      const copy = join(folder, 'copy.db');
      const before = await stampOf(file);
      await withFile(file, 'read', (reader) => reader.copyTo(copy), signal);
      // Written in between: where exactly the snapshot stands is not known.
      const position = before === (await stampOf(file)) ? before : 'unknown';
      const tables = await withFile(copy, 'read', countTables, signal);
      await write(pieces(copy, signal), signal);
      return { format: 'sqlite-file', tables, snapshot: { position, lsn: null }, beside: {}, restoreCommands: (dump) => restoreCommands(file, dump) };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
