/**
 * A pipe from a child process whose data arrives in one buffer, used again and again. A child's ordinary stdout allocates a
 * buffer a read: 30 MB of garbage before the collector cares (measured), in a worker that should stay flat.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BUFFER_BYTES = 256 * 1024;

export interface ReusedPipe {
  /** Becomes the stdout of the child. */
  readonly writeEnd: Socket;
  /**
   * Gives each chunk to `take` and reads on when it is done with it; the bytes are only valid until then. Returns at the end of
   * the data. A `take` that fails closes the pipe, which ends the writer.
   */
  drain(take: (chunk: Buffer) => Promise<void>): Promise<void>;
}

/** Made of a socket pair: the one kind of pipe for which Node.js takes a buffer of ours. */
export async function reusedPipe(): Promise<ReusedPipe> {
  // A folder of mode 0700, so that nobody else can connect in between.
  const folder = await mkdtemp(join(tmpdir(), 'faber-db-'));
  const server = createServer({ pauseOnConnect: true });
  try {
    server.listen(join(folder, 's'));
    await once(server, 'listening');
    let take: (chunk: Buffer) => Promise<void> = () => Promise.resolve();
    const reader = connect({
      path: join(folder, 's'),
      onread: {
        buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES),
        callback: (bytes, buffer) => {
          take((buffer as Buffer).subarray(0, bytes)).then(() => reader.resume(), (error: Error) => reader.destroy(error));
          // Paused: the buffer must not be written to while it is looked at.
          return false;
        },
      },
    });
    reader.pause();
    const [[writeEnd]] = (await Promise.all([once(server, 'connection'), once(reader, 'connect')])) as [[Socket], unknown[]];
    return {
      writeEnd,
      drain: async (each) => {
        take = each;
        const ended = new Promise<void>((resolve, reject) => reader.once('end', resolve).once('error', reject).once('close', resolve));
        reader.resume();
        await ended.finally(() => reader.destroy());
      },
    };
  } finally {
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
}
