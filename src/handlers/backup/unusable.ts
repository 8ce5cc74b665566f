/** The error of a backup that must not be relied on. */
import type { BackupRecord } from '../../contract/backup.js';
import { FaberError } from '../../contract/failure.js';

export function unusable(record: Pick<BackupRecord, 'backup_id'>, reason: string, facts: Record<string, unknown> = {}): FaberError {
  return new FaberError({
    code: 'backup_unusable',
    message: `Backup ${record.backup_id} cannot be used: ${reason}`,
    result: { backup_id: record.backup_id, reason, ...facts },
    suggestions: ['Choose another backup: faber-db list-backups', 'Take a new backup before any change'],
  });
}
