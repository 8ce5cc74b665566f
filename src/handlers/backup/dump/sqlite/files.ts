/** Files as pieces, and back. */
import { open } from 'node:fs/promises';
import type { BackupRecord } from '../../../../contract/backup.js';
import type { Pieces, Store } from '../../contract.js';
import { compressor } from '../compression.js';
import { pipe } from '../stream.js';

const BUFFER_BYTES = 512 * 1024;

/** Reads a file in one buffer that is used again. */
export function pieces(path: string, signal: AbortSignal): Pieces {
  return async (take) => {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    const file = await open(path, 'r');
    try {
      for (;;) {
        signal.throwIfAborted();
        const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) return;
        await take(buffer.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  };
}

/** Unpacks the dump of a backup into a file that is not there. @throws FaberError backup_unusable; PipeFailed; errors of the file system */
export async function unpackTo(path: string, store: Store, record: BackupRecord, signal: AbortSignal): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    const unpack = (await compressor(record.compression))?.unpack ?? null;
    await pipe((take) => store.readFile(record, record.file, take, signal), unpack, async (piece) => {
      for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
    }, signal);
    await file.sync();
  } finally {
    await file.close();
  }
}
