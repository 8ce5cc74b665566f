/** The folders of backups in a local store. A backup without a manifest does not exist. */
import { lstat, open, readdir, rm } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { BackupRecord } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';
import { makeFolder, syncFolder, writeDurably } from './durable.js';
import { backupFilePath, backupFolder, MANIFEST_FILE } from './names.js';

export interface StorePlace {
  id: string;
  location: string;
}

/**
 * An empty folder for a backup being written; what an unfinished attempt left is removed.
 * @throws FaberError backup_failed when a finished backup has this id: it is never overwritten.
 */
export async function beginBackup(store: StorePlace, backupId: string): Promise<void> {
  const directory = backupFolder(store.location, backupId);
  await removeUnfinished(directory, backupId);
  await makeFolder(directory);
}

/** Writes the manifest; from then on the backup exists. @throws FaberError backup_failed when its dump is not there. */
export async function writeManifest(store: StorePlace, record: BackupRecord): Promise<void> {
  const parsed = BackupRecord.parse(record);
  const fault = await damage(store, parsed);
  if (fault !== null) throw new FaberError({ code: 'backup_failed', message: `Backup ${record.backup_id} cannot be listed: ${fault}`, result: { backup_error: fault } });
  const folder = backupFolder(store.location, record.backup_id);
  await writeDurably(join(folder, MANIFEST_FILE), `${JSON.stringify(parsed, null, 2)}\n`, 'replace');
}

/** Removes an unfinished backup. A finished one, and one that is not there, are left alone. */
export async function abandonBackup(store: StorePlace, backupId: string): Promise<void> {
  const directory = backupFolder(store.location, backupId);
  if ((await readManifest(directory)) === null) await rm(directory, { recursive: true, force: true });
}

/** @throws FaberError backup_not_found; backup_unusable when the manifest or the file behind it is damaged. */
export async function getBackup(store: StorePlace, backupId: string): Promise<BackupRecord> {
  const text = await readManifest(backupFolder(store.location, backupId));
  if (text === null) {
    throw new FaberError({
      code: 'backup_not_found',
      message: `There is no backup ${backupId} in the store ${store.location}`,
      result: { backup_id: backupId },
      suggestions: ['The backups that are there: faber-db list-backups'],
    });
  }
  const record = parseManifest(text);
  const fault = record === null ? 'its manifest is damaged' : record.backup_id !== backupId ? 'its manifest is of another backup' : await damage(store, record);
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

/** Newest first. */
export async function listBackups(store: StorePlace, environment?: string): Promise<{ backups: BackupRecord[]; damaged: string[] }> {
  const backups: BackupRecord[] = [];
  const damaged: string[] = [];
  for (const entry of (await readdir(join(store.location, 'backups'))).sort()) {
    try {
      backups.push(await getBackup(store, entry));
    } catch (error) {
      if (!(error instanceof FaberError)) throw error;
      // Without a manifest it is being written, or was given up: it does not exist.
      if (error.code === 'backup_unusable') damaged.push(entry);
    }
  }
  backups.sort((a, b) => b.created_at.localeCompare(a.created_at) || b.backup_id.localeCompare(a.backup_id));
  return { backups: backups.filter((b) => environment === undefined || b.environment === environment), damaged };
}

/** Cheap look at what a manifest promises: the file is there, a plain file, and of the size written down. */
async function damage(store: StorePlace, record: BackupRecord): Promise<string | null> {
  if (record.store_id !== store.id) return 'it belongs to another store';
  // Of a snapshot the host has the data, and the store its manifest only.
  if (record.hosted !== undefined) return null;
  try {
    const file = await lstat(backupFilePath(store.location, record.backup_id, record.file));
    if (!file.isFile()) return 'its dump is not a plain file';
    return file.size === record.size_bytes ? null : `its dump has ${file.size} bytes instead of ${record.size_bytes}`;
  } catch (error) {
    if (error instanceof FaberError) return error.message;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'its dump is missing';
    throw error;
  }
}

async function removeUnfinished(directory: string, backupId: string): Promise<void> {
  if ((await readManifest(directory)) !== null) {
    throw new FaberError({ code: 'backup_failed', message: `There is a finished backup ${backupId} already`, result: { backup_error: 'the id is taken' } });
  }
  await rm(directory, { recursive: true, force: true });
  await syncFolder(join(directory, '..'));
}

async function readManifest(directory: string): Promise<string | null> {
  try {
    // A linked folder would lead out of the store.
    if (!(await lstat(directory)).isDirectory()) return null;
    const file = await open(join(directory, MANIFEST_FILE), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function parseManifest(text: string): BackupRecord | null {
  try {
    return BackupRecord.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
