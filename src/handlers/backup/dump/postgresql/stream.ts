/** The two pipes of a dump: database to file, and file to database. Constant memory, every exit code looked at. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { Compressor } from './compression.js';
import { type Exit, isEcho, type Program, type Running, succeeded, supervise } from './process.js';
import { readPieces } from './read-file.js';
import { reusedPipe } from './reused-pipe.js';

export interface Written {
  bytes: number;
  sha256: string;
}

/** Thrown when a pipe broke: the program that failed first, if one did, and what the file or stream reported. */
export class PipeFailed extends Error {
  override readonly name = 'PipeFailed';
  constructor(readonly culprit: Exit | null, readonly fileError: unknown) {
    super('A pipe of programs failed');
  }
}

/** Runs `producer | pack > file` (mode 0600, synced); only packed bytes come through this process, and in constant memory. */
export async function streamToFile(
  producer: Program,
  pack: Compressor | null,
  file: string,
  signal: AbortSignal,
  onProgress?: (bytes: number) => void,
): Promise<Written> {
  return supervise(signal, async (start) => {
    const sink = await open(file, 'wx', 0o600);
    try {
      const pipe = await reusedPipe();
      const last = pack && start({ name: pack.kind, file: pack.program, args: pack.pack }, 'pipe', pipe.writeEnd);
      const first = start(producer, 'ignore', last?.stdin ?? pipe.writeEnd);
      const hash = createHash('sha256');
      let bytes = 0;
      const data = pipe.drain(async (chunk) => {
        hash.update(chunk);
        for (let at = 0; at < chunk.length; ) at += (await sink.write(chunk, at)).bytesWritten;
        bytes += chunk.length;
        onProgress?.(bytes);
      });
      await complete(last ? [first, last] : [first], data);
      await sink.sync();
      return { bytes, sha256: hash.digest('hex') };
    } finally {
      await sink.close();
    }
  });
}

/** Runs `file | unpack | consumer`, in constant memory. @returns what was read, for comparing with the manifest. */
export async function streamFromFile(file: string, unpack: Compressor | null, consumer: Program, signal: AbortSignal): Promise<Written> {
  return supervise(signal, async (start) => {
    const last = start(consumer, 'pipe', 'ignore');
    const first = unpack && start({ name: unpack.kind, file: unpack.program, args: unpack.unpack }, 'pipe', last.stdin!);
    const into = (first ?? last).stdin!;
    const hash = createHash('sha256');
    let bytes = 0;
    const data = readPieces(file, signal, async (piece) => {
      hash.update(piece);
      bytes += piece.length;
      await written(into, piece);
    }).finally(() => into.end());
    await complete(first ? [first, last] : [last], data);
    return { bytes, sha256: hash.digest('hex') };
  });
}

/** Waits until the bytes are out of our hands, so that their buffer may be used again. */
function written(stream: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => stream.write(bytes, (error) => (error ? reject(error) : resolve())));
}

/** Runs one program to its end. */
export async function runToEnd(program: Program, signal: AbortSignal): Promise<void> {
  await supervise(signal, async (start) => {
    await complete([start(program, 'ignore', 'ignore')], Promise.resolve());
  });
}

/** Waits for the data and for every program; a program's failure explains more than the broken stream it leaves. */
async function complete(chain: readonly Running[], data: Promise<void>): Promise<void> {
  let culprit: Exit | null = null;
  const exits = chain.map(async (running) => {
    const exit = await running.exit;
    if (succeeded(exit) || isEcho(exit) || culprit !== null) return exit;
    culprit = exit;
    // A dump that waits for a lock would not notice for minutes that nobody reads it any more.
    await Promise.all(chain.map((other) => other.end()));
    return exit;
  });
  const [flow, ...ended] = await Promise.all([settled(data), ...exits]);
  if (flow !== null || !ended.every(succeeded)) throw new PipeFailed(culprit ?? ended.find((exit) => !succeeded(exit)) ?? null, flow);
}

/** @returns the error, or null. */
async function settled(data: Promise<void>): Promise<unknown> {
  try {
    await data;
    return null;
  } catch (error) {
    return error;
  }
}
