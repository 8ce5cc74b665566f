/** File writes that survive a crash: temporary name, fsync, rename, fsync of the folder. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Names that start like this are unfinished writes and are never read. */
export const TEMPORARY_PREFIX = '.tmp-';

/** A name for an unfinished write beside `path`; random, so that a paused earlier attempt never shares it. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `${TEMPORARY_PREFIX}${randomBytes(8).toString('hex')}`);
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Creates a folder of mode 0700 (and its parents), and makes the entry durable. */
export async function makeFolder(path: string): Promise<void> {
  if ((await mkdir(path, { recursive: true, mode: 0o700 })) !== undefined) await syncFolder(dirname(path));
}

/**
 * Writes a whole file (mode 0600) so that a reader sees the old bytes or the new ones, never a part.
 * @param how replace: takes the place of an existing file. create: an existing one stays.
 * @returns false when `create` found one there already.
 */
export async function writeDurably(path: string, bytes: string | Uint8Array, how: 'replace' | 'create'): Promise<boolean> {
  const temporary = temporaryBeside(path);
  try {
    // `wx` does not follow a symbolic link planted under the name.
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    if (how === 'replace') await rename(temporary, path);
    else if (!(await linkUnlessThere(temporary, path))) return false;
    await syncFolder(dirname(path));
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Unlike rename, link fails when the name is taken: of two writers exactly one wins. */
async function linkUnlessThere(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
