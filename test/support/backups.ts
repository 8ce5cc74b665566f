/** Backups in a store, made to look as a test needs them: no test can wait for months. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupRecord } from '../../src/contract/backup.js';

export const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();

/** A copy of a backup under another id, with another manifest. @returns its folder */
export async function copyBackup(store: string, from: string, id: string, change: Partial<BackupRecord>): Promise<string> {
  const folder = join(store, 'backups', id);
  await cp(join(store, 'backups', from), folder, { recursive: true });
  await changeManifest(store, id, { ...change, backup_id: id });
  return folder;
}

export async function manifestOf(store: string, id: string): Promise<BackupRecord> {
  return JSON.parse(await readFile(join(store, 'backups', id, 'manifest.json'), 'utf8')) as BackupRecord;
}

export async function changeManifest(store: string, id: string, change: Partial<BackupRecord>): Promise<void> {
  await writeFile(join(store, 'backups', id, 'manifest.json'), JSON.stringify({ ...(await manifestOf(store, id)), ...change }));
}
