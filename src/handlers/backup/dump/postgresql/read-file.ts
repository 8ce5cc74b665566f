/** Reads a file in one buffer that is used again: a stream would allocate as much as the file has. */
import { open } from 'node:fs/promises';

const BUFFER_BYTES = 512 * 1024;

/** Gives each piece to `take`, which must be done with it when it returns. @throws the reason of the signal when aborted. */
export async function readPieces(path: string, signal: AbortSignal, take: (piece: Buffer) => Promise<void> | void): Promise<void> {
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
}
