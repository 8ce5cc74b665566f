/** *Checked*: read to the end, size and sha256 as in the manifest, compression intact. `pg_restore -l` verifies nothing (measured). */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { BackupRecord } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import type { Store } from '../../contract.js';
import { isOfSurroundings } from './broken-pipe.js';
import { complaint } from './complaint.js';
import { compressor } from './compression.js';
import { readPieces } from './read-file.js';
import { PipeFailed, runToEnd } from './stream.js';

/** @throws FaberError backup_unusable when a byte is missing or different. */
export async function checkBackup(store: Store, record: BackupRecord, signal: AbortSignal): Promise<void> {
  const file = store.backupFile(record);
  const size = await sizeOf(file, record);
  if (size !== record.size_bytes) throw unusable(record, `its dump has ${size} bytes instead of ${record.size_bytes}`);
  const hash = createHash('sha256');
  await readPieces(file, signal, (piece) => void hash.update(piece));
  if (hash.digest('hex') !== record.sha256) throw unusable(record, 'its dump is damaged: the sha256 is not that of the manifest');
  const packed = await compressor(record.compression);
  if (packed === null) return;
  try {
    await runToEnd({ name: packed.kind, file: packed.program, args: packed.test(file) }, signal);
  } catch (error) {
    if (!(error instanceof PipeFailed) || error.culprit === null) throw error;
    const reason = complaint(error.culprit, []);
    if (!isOfSurroundings(error.culprit)) throw unusable(record, `its dump is damaged: ${reason}`);
    throw new FaberError({ code: 'backup_failed', message: `Backup ${record.backup_id} could not be read to the end: ${reason}`, result: { backup_error: reason }, suggestions: ['Try again'] });
  }
}

async function sizeOf(file: string, record: BackupRecord): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw unusable(record, 'its dump is missing');
  }
}

/** The error of a backup that must not be relied on. */
export function unusable(record: Pick<BackupRecord, 'backup_id'>, reason: string, facts: Record<string, unknown> = {}): FaberError {
  return new FaberError({
    code: 'backup_unusable',
    message: `Backup ${record.backup_id} cannot be used: ${reason}`,
    result: { backup_id: record.backup_id, reason, ...facts },
    suggestions: ['Choose another backup: faber-db list-backups', 'Take a new backup before any change'],
  });
}
