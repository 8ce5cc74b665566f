/**
 * Removing from a store. A backup leaves by one rename, so that a crash leaves it whole or not at all; what the crash keeps
 * from being removed has a name that nobody reads, and is swept later.
 */
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { barrier } from '../../barrier.js';
import { syncFolder, TEMPORARY_PREFIX, temporaryBeside } from './durable.js';
import { artifactPath, backupFolder, errorDetailPrefix, MANIFEST_FILE } from './names.js';

export interface StoredFile {
  name: string;
  bytes: number;
  /** Milliseconds since 1970. */
  changed_at: number;
}

/**
 * Takes it away, asks once more, and removes it or puts it back: an operation that came to need it meanwhile finds it again.
 * @returns bytes freed; null when it is wanted, or gone already
 */
async function removeUnlessWanted(path: string, isWanted: () => Promise<boolean>): Promise<number | null> {
  const away = temporaryBeside(path);
  const bytes = await bytesIn(path);
  try {
    await rename(path, away);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  await syncFolder(dirname(path));
  await barrier('in-removal');
  // Not being able to ask is no leave to remove.
  const wanted = await isWanted().catch((error: unknown) => ({ error }));
  if (wanted !== false) {
    await rename(away, path);
    await syncFolder(dirname(path));
    if (wanted !== true) throw wanted.error;
    return null;
  }
  await rm(away, { recursive: true, force: true });
  return bytes;
}

export const removeBackup = (location: string, backupId: string, isWanted: () => Promise<boolean>) => removeUnlessWanted(backupFolder(location, backupId), isWanted);
export const removeArtifact = (location: string, sha256: string, isWanted: () => Promise<boolean>) => removeUnlessWanted(artifactPath(location, sha256), isWanted);

export async function artifacts(location: string): Promise<StoredFile[]> {
  return filesIn(join(location, 'artifacts'), (name) => /^[0-9a-f]{64}$/.test(name));
}

/** The error details of these operations. */
export async function errorDetails(location: string, operationIds: readonly string[]): Promise<StoredFile[]> {
  const prefixes = operationIds.map(errorDetailPrefix);
  return filesIn(join(location, 'errors'), (name) => prefixes.some((prefix) => name.startsWith(prefix)));
}

export async function removeErrorDetail(location: string, name: string): Promise<void> {
  await rm(join(location, 'errors', name), { force: true });
}

/**
 * Left-overs of work that was cut off, untouched for so long: unfinished writes, backups on their way out, and folders of
 * backups that never got a manifest.
 */
export async function leftovers(location: string, untouchedMs: number): Promise<{ path: string; bytes: number }[]> {
  const found: string[] = [];
  for (const folder of ['artifacts', 'backups', 'errors', 'references', '.']) {
    for (const name of await readdir(join(location, folder))) if (name.startsWith(TEMPORARY_PREFIX)) found.push(join(location, folder, name));
  }
  for (const name of await readdir(join(location, 'backups'))) {
    const folder = join(location, 'backups', name);
    if (name.startsWith('backup-') && !(await isThere(join(folder, MANIFEST_FILE)))) found.push(folder);
  }
  const old: { path: string; bytes: number }[] = [];
  for (const path of found) if (Date.now() - (await lastTouched(path)) >= untouchedMs) old.push({ path, bytes: await bytesIn(path) });
  return old;
}

export async function removeLeftover(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

async function filesIn(folder: string, isOne: (name: string) => boolean): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for (const name of (await readdir(folder)).filter(isOne)) {
    const file = await lstat(join(folder, name)).catch(ifMissing(null));
    if (file?.isFile()) files.push({ name, bytes: file.size, changed_at: file.mtimeMs });
  }
  return files;
}

/** The latest change of anything in it. A rename changes the time of the inode, and of nothing else. */
async function lastTouched(path: string): Promise<number> {
  const there = await lstat(path).catch(ifMissing(null));
  if (there === null) return Date.now();
  const own = Math.max(there.mtimeMs, there.ctimeMs);
  if (!there.isDirectory()) return own;
  return Math.max(own, ...(await Promise.all((await readdir(path)).map((name) => lastTouched(join(path, name))))));
}

async function bytesIn(path: string): Promise<number> {
  const there = await lstat(path).catch(ifMissing(null));
  if (!there?.isDirectory()) return there?.size ?? 0;
  const sizes = await Promise.all((await readdir(path)).map((name) => bytesIn(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const isThere = (path: string) => lstat(path).then(() => true, ifMissing(false));

function ifMissing<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return instead;
    throw error;
  };
}
