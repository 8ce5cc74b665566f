/** The two pipes of a dump: database to file, and file to database. Constant memory, every exit code looked at. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Compressor } from './compression.js';
import { type Exit, isEcho, type Program, type Running, succeeded, supervise } from './process.js';

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

/** Runs `producer | pack > file` (mode 0600, synced); only packed bytes come through this process. */
export async function streamToFile(
  producer: Program,
  pack: Compressor | null,
  file: string,
  signal: AbortSignal,
  onProgress?: (bytes: number) => void,
): Promise<Written> {
  return supervise(signal, async (start) => {
    const chain: Running[] = [];
    const last = pack && start({ name: pack.kind, file: pack.program, args: pack.pack }, 'pipe', 'pipe');
    const first = start(producer, 'ignore', last?.stdin ?? 'pipe');
    chain.push(first, ...(last ? [last] : []));
    const meter = new Meter(onProgress);
    // `flush` syncs before the file is closed.
    const sink = createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true });
    await complete(chain, pipeline((last ?? first).stdout!, meter, sink));
    return meter.written();
  });
}

/** Runs `file | unpack | consumer`. @returns what was read, for comparing with the manifest. */
export async function streamFromFile(file: string, unpack: Compressor | null, consumer: Program, signal: AbortSignal): Promise<Written> {
  return supervise(signal, async (start) => {
    const last = start(consumer, 'pipe', 'ignore');
    const first = unpack && start({ name: unpack.kind, file: unpack.program, args: unpack.unpack }, 'pipe', last.stdin!);
    const meter = new Meter();
    await complete(first ? [first, last] : [last], pipeline(createReadStream(file), meter, (first ?? last).stdin!));
    return meter.written();
  });
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

class Meter extends Transform {
  private readonly hash = createHash('sha256');
  private bytes = 0;

  constructor(private readonly onProgress?: (bytes: number) => void) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: Error | null, chunk: Buffer) => void): void {
    this.hash.update(chunk);
    this.bytes += chunk.length;
    this.onProgress?.(this.bytes);
    done(null, chunk);
  }

  written(): Written {
    return { bytes: this.bytes, sha256: this.hash.digest('hex') };
  }
}
