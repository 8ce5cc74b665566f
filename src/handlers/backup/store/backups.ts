/** The folders of backups in a local store. A backup without a manifest does not exist. */
import { lstat, open, readdir, rm } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';
import type { BackupRecord } from '../../../contract/backup.js';
import { makeFolder, syncFolder, writeDurably } from './durable.js';
import { idTaken, listManifests, manifestText, readManifest } from './manifest.js';
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
  if ((await readText(directory)) !== null) throw idTaken(backupId);
  await rm(directory, { recursive: true, force: true });
  await syncFolder(join(directory, '..'));
  await makeFolder(directory);
}

/** Writes the manifest; from then on the backup exists. @throws FaberError backup_failed when its dump is not there. */
export async function writeManifest(store: StorePlace, record: BackupRecord): Promise<void> {
  const text = await manifestText(store.id, record, dumpIn(store));
  await writeDurably(join(backupFolder(store.location, record.backup_id), MANIFEST_FILE), text, 'replace');
}

/** Removes an unfinished backup. A finished one, and one that is not there, are left alone. */
export async function abandonBackup(store: StorePlace, backupId: string): Promise<void> {
  const directory = backupFolder(store.location, backupId);
  if ((await readText(directory)) === null) await rm(directory, { recursive: true, force: true });
}

/** @throws FaberError backup_not_found; backup_unusable when the manifest or the file behind it is damaged. */
export async function getBackup(store: StorePlace, backupId: string): Promise<BackupRecord> {
  return readManifest(store, backupId, await readText(backupFolder(store.location, backupId)), dumpIn(store));
}

/** Newest first. */
export async function listBackups(store: StorePlace, environment?: string): Promise<{ backups: BackupRecord[]; damaged: string[] }> {
  const names = (await readdir(join(store.location, 'backups'))).sort();
  const { backups, damaged } = await listManifests(names, (name) => getBackup(store, name));
  return { backups: backups.filter((b) => environment === undefined || b.environment === environment), damaged };
}

const dumpIn = (store: StorePlace) => async (record: BackupRecord): Promise<number | string | null> => {
  try {
    const file = await lstat(backupFilePath(store.location, record.backup_id, record.file));
    return file.isFile() ? file.size : 'its dump is not a plain file';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

async function readText(directory: string): Promise<string | null> {
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
