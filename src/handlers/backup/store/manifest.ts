/** What every store makes of a manifest: a backup without one does not exist, one that does not fit what is there cannot be used. */
import { BackupRecord } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';

/** Size of the dump that is there; a sentence about what is there instead; null for nothing. */
export type LookAtDump = (record: BackupRecord) => Promise<number | string | null>;

/** A cheap look at what a manifest promises. @returns what is wrong, or null */
export async function damage(storeId: string, record: BackupRecord, look: LookAtDump): Promise<string | null> {
  if (record.store_id !== storeId) return 'it belongs to another store';
  // Of a snapshot the host has the data, and the store its manifest only.
  if (record.hosted !== undefined) return null;
  try {
    const found = await look(record);
    if (found === null) return 'its dump is missing';
    if (typeof found === 'string') return found;
    return found === record.size_bytes ? null : `its dump has ${found} bytes instead of ${record.size_bytes}`;
  } catch (error) {
    // A name that leads elsewhere is a fault of this manifest, not of the store.
    if (error instanceof FaberError && error.code === 'backup_unusable') return error.message;
    throw error;
  }
}

/** The bytes of a manifest. @throws FaberError backup_failed when its dump is not there as it says */
export async function manifestText(storeId: string, record: BackupRecord, look: LookAtDump): Promise<string> {
  const parsed = BackupRecord.parse(record);
  const fault = await damage(storeId, parsed, look);
  if (fault !== null) throw new FaberError({ code: 'backup_failed', message: `Backup ${record.backup_id} cannot be listed: ${fault}`, result: { backup_error: fault } });
  return `${JSON.stringify(parsed, null, 2)}\n`;
}

/**
 * @param text null: there is none
 * @throws FaberError backup_not_found; backup_unusable when the manifest or the dump behind it is damaged.
 */
export async function readManifest(store: { id: string; location: string }, backupId: string, text: string | null, look: LookAtDump): Promise<BackupRecord> {
  if (text === null) {
    throw new FaberError({
      code: 'backup_not_found',
      message: `There is no backup ${backupId} in the store ${store.location}`,
      result: { backup_id: backupId },
      suggestions: ['The backups that are there: faber-db list-backups'],
    });
  }
  const record = parseManifest(text);
  const fault = record === null ? 'its manifest is damaged' : record.backup_id !== backupId ? 'its manifest is of another backup' : await damage(store.id, record, look);
  if (record === null || fault !== null) {
    throw new FaberError({
      code: 'backup_unusable',
      message: `Backup ${backupId} cannot be used: ${fault}`,
      result: { backup_id: backupId, reason: fault },
      suggestions: ['Choose another backup: faber-db list-backups'],
    });
  }
  return record;
}

function parseManifest(text: string): BackupRecord | null {
  try {
    return BackupRecord.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Reads each; newest first, the damaged ones by their ids. */
export async function listManifests(backupIds: readonly string[], read: (backupId: string) => Promise<BackupRecord>): Promise<{ backups: BackupRecord[]; damaged: string[] }> {
  const backups: BackupRecord[] = [];
  const damaged: string[] = [];
  for (const backupId of backupIds) {
    try {
      backups.push(await read(backupId));
    } catch (error) {
      if (!(error instanceof FaberError)) throw error;
      if (error.code === 'backup_unusable') damaged.push(backupId);
      // Without a manifest it is being written, or was given up: it does not exist.
      else if (error.code !== 'backup_not_found') throw error;
    }
  }
  backups.sort((a, b) => b.created_at.localeCompare(a.created_at) || b.backup_id.localeCompare(a.backup_id));
  return { backups, damaged };
}

export function idTaken(backupId: string): FaberError {
  return new FaberError({ code: 'backup_failed', message: `There is a finished backup ${backupId} already`, result: { backup_error: 'the id is taken' } });
}
