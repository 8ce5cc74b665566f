/**
 * Where the writes to a file stand, read from its bytes: two equal positions mean that nothing was committed in between.
 * Without a write-ahead log, SQLite counts each writing transaction in the header (https://sqlite.org/fileformat2.html#file_change_counter).
 * With one, it is the generation of the log and its last commit (https://sqlite.org/fileformat2.html#the_write_ahead_log).
 *
 * Read here in the worker and never in the process that holds connections: closing any descriptor of a file takes away all locks that the
 * process has on it (https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
 */
import { open } from 'node:fs/promises';

export type Position =
  | { mode: 'journal'; counter: number }
  | { mode: 'wal'; salt: [number, number]; frames: number; commits: number };

const HEADER = 100;
const WAL_HEADER = 32;
const FRAME_HEADER = 24;

/** Null where it cannot be told: no such file, or no log although the file is in that mode (its last user has gone, and with it the count). */
export async function positionOf(file: string): Promise<Position | null> {
  const header = await firstBytes(file, HEADER);
  if (header === null) return null;
  // Write version 2: with a write-ahead log.
  if (header[18] !== 2) return { mode: 'journal', counter: header.readUInt32BE(24) };
  return walPosition(`${file}-wal`);
}

async function firstBytes(file: string, bytes: number): Promise<Buffer | null> {
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) return null;
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return bytesRead < bytes ? null : buffer;
  } finally {
    await handle.close();
  }
}

async function walPosition(file: string): Promise<Position | null> {
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) return null;
  try {
    const header = Buffer.alloc(WAL_HEADER);
    if ((await handle.read(header, 0, WAL_HEADER, 0)).bytesRead < WAL_HEADER) return null;
    const salt: [number, number] = [header.readUInt32BE(16), header.readUInt32BE(20)];
    const size = FRAME_HEADER + header.readUInt32BE(8);
    const frame = Buffer.alloc(FRAME_HEADER);
    let frames = 0;
    let commits = 0;
    for (let at = 0; ; at += 1) {
      if ((await handle.read(frame, 0, FRAME_HEADER, WAL_HEADER + at * size)).bytesRead < FRAME_HEADER) break;
      // Frames of the generation before: the log is written over from its beginning.
      if (frame.readUInt32BE(8) !== salt[0] || frame.readUInt32BE(12) !== salt[1]) break;
      if (frame.readUInt32BE(4) === 0) continue;
      frames = at + 1;
      commits += 1;
    }
    return { mode: 'wal', salt, frames, commits };
  } finally {
    await handle.close();
  }
}

/** Whether exactly one transaction was committed between the two, which was begun and ended in between. */
export function isOneCommit(before: Position | null, after: Position | null): boolean {
  if (before === null || after === null || before.mode !== after.mode) return false;
  if (before.mode === 'journal' || after.mode === 'journal') return before.mode === 'journal' && after.mode === 'journal' && after.counter === ((before.counter + 1) >>> 0);
  if (sameLog(before.salt, after.salt)) return after.commits === before.commits + 1;
  // The log was begun anew by our own commit: each time its first salt goes up by one.
  return after.salt[0] === ((before.salt[0] + 1) >>> 0) && after.commits === 1;
}

const sameLog = (one: readonly number[], other: readonly number[]) => one[0] === other[0] && one[1] === other[1];

/** As text, for bookkeeping and manifests. */
export function positionText(position: Position | null): string | null {
  if (position === null) return null;
  return position.mode === 'journal' ? `journal:${position.counter}` : `wal:${position.salt.join('.')}:${position.frames}`;
}
