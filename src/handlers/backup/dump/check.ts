/** *Checked*: read to the end, size and sha256 as in the manifest, compression intact. `pg_restore -l` verifies nothing (measured). */
import type { BackupRecord } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';
import type { Store } from '../contract.js';
import { unusable } from '../unusable.js';
import { isOfSurroundings } from './broken-pipe.js';
import { complaint } from './complaint.js';
import { compressor } from './compression.js';
import { PipeFailed, pipe } from './stream.js';

/** @throws FaberError backup_unusable when a byte is missing or different; backup_failed when it could not be read to the end. */
export async function checkBackup(store: Store, record: BackupRecord, signal: AbortSignal): Promise<void> {
  const packed = await compressor(record.compression);
  try {
    await pipe((take) => store.readFile(record, record.file, take, signal), null, packed?.test ?? (() => Promise.resolve()), signal);
  } catch (error) {
    if (!(error instanceof PipeFailed)) throw error;
    if (error.culprit === null) throw error.fileError;
    const reason = complaint(error.culprit, []);
    if (!isOfSurroundings(error.culprit)) throw unusable(record, `its dump is damaged: ${reason}`);
    throw new FaberError({ code: 'backup_failed', message: `Backup ${record.backup_id} could not be read to the end: ${reason}`, result: { backup_error: reason }, suggestions: ['Try again'] });
  }
}
