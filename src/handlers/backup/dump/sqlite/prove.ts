/** *Proven*: restored into a scratch file, whole, and with the row counts of the dump's own snapshot. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupRecord } from '../../../../contract/backup.js';
import type { ConnectionTarget } from '../../../database/contract.js';
import { scratchFolder } from '../../../database/sqlite/scratch.js';
import type { Store } from '../../contract.js';
import { unpackTo } from './files.js';
import { restoreFailure } from './restore-failure.js';
import { verifyFile } from './verify.js';

/** @throws FaberError backup_unusable, backup_failed */
export async function proveBackup(target: ConnectionTarget, store: Store, record: BackupRecord, signal: AbortSignal, onProgress?: (what: string) => void): Promise<BackupRecord> {
  try {
    const folder = await scratchFolder();
    try {
      const file = join(folder, 'restored.db');
      onProgress?.('Restoring into a scratch file');
      await unpackTo(file, store, record, signal);
      onProgress?.('Checking the restored file and counting its rows');
      await verifyFile(file, record, signal);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    const proven: BackupRecord = { ...record, level: 'proven', proven_at: new Date().toISOString() };
    await store.updateBackup(proven);
    return proven;
  } catch (error) {
    throw restoreFailure(error, 'backup_failed', `Backup ${record.backup_id} could not be proven`, target, signal);
  }
}
