/**
 * Proof that nobody else wrote since a position: our own transactions know where they began and ended, and have to lead, one after
 * the other, from there to the present. What is not on that way is somebody else's.
 */
import { stat } from 'node:fs/promises';
import type { SqliteTarget } from './connection-url.js';
import { locateThere } from './locate.js';
import { positionOf, positionText } from './position.js';
import { readSidecar } from './sidecar/open.js';

export interface Proof { proven: boolean; reason: string }

/** A position names its file too: a restore by hand exchanges it. */
export async function stampOf(file: string): Promise<string> {
  const text = positionText(await positionOf(file));
  return text === null ? 'unknown' : stamp(text, await inodeOf(file));
}

export const stamp = (position: string, inode: string) => `${inode}@${position}`;
export const inodeOf = async (file: string) => `${(await stat(file)).ino}`;

/** @param since as `stampOf` gave it */
export async function proveQuiet(target: SqliteTarget, since: string, operationId: string): Promise<Proof> {
  if (since === 'unknown') return { proven: false, reason: 'where the writes stood was not to be told (a write-ahead log whose last user had gone)' };
  const { file } = await locateThere(target);
  const now = await stampOf(file);
  if (now === 'unknown') return { proven: false, reason: 'the write-ahead log was ended by its last user, and with it the count of writes' };
  const own = (await readSidecar(target, (sidecar) => sidecar.query<{ before: string; after: string }>('SELECT before, after FROM own_writes WHERE operation_id = ? ORDER BY id', [operationId]))) ?? [];
  let at = since;
  for (const write of own) if (write.before === at) at = write.after;
  return at === now
    ? { proven: true, reason: since === now ? 'nothing was written to the file since' : 'all that was written to the file since is the operation’s own' }
    : { proven: false, reason: 'the file was written to since by others, or a checkpoint has hidden that it was not' };
}
