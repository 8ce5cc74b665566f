/** Pipes of programs between a database and a store. Constant memory, every exit code looked at. */
import type { Writable } from 'node:stream';
import { FaberError } from '../../../contract/failure.js';
import type { Pieces, Take } from '../contract.js';
import { type Exit, isEcho, type Program, type Running, succeeded, supervise } from './process.js';
import { reusedPipe } from './reused-pipe.js';

/** Thrown when a pipe broke: the program that failed first, if one did, and what the file or stream reported. */
export class PipeFailed extends Error {
  override readonly name = 'PipeFailed';
  constructor(readonly culprit: Exit | null, readonly fileError: unknown) {
    super('A pipe of programs failed');
  }
}

/**
 * Runs `from | through | to`, where each end is a program or a function of ours; what needs no function of ours does not come
 * through this process. When it returns, every program has ended well and every function has returned.
 * @throws PipeFailed; a FaberError that a function of ours threw; the reason of the signal when aborted
 */
export async function pipe(from: Program | Pieces, through: Program | null, to: Program | Take, signal: AbortSignal): Promise<void> {
  const programs = [from, through, to].filter((part): part is Program => typeof part === 'object' && part !== null);
  if (programs.length === 0) return (from as Pieces)(to as Take);
  await supervise(signal, async (start) => {
    const end = typeof to === 'function' ? await reusedPipe() : null;
    const chain: Running[] = [];
    // From the last to the first: what one writes to has to be there.
    for (const program of programs.toReversed()) {
      chain.unshift(start(program, program === from ? 'ignore' : 'pipe', chain[0]?.stdin ?? end?.writeEnd ?? 'ignore'));
    }
    const flows: Promise<void>[] = [];
    if (end) flows.push(end.drain(to as Take));
    if (typeof from === 'function') flows.push(feed(from, chain));
    await complete(chain, flows);
  });
}

async function feed(from: Pieces, chain: readonly Running[]): Promise<void> {
  const into = chain[0]!.stdin!;
  let unread: unknown = null;
  try {
    await from((piece) => written(into, piece).catch((error: unknown) => {
      unread = error;
      throw error;
    }));
  } catch (error) {
    // Cut off, the data must not look as if this were their end: who reads them would make them permanent.
    if (unread === null) await Promise.all(chain.map((running) => running.end()));
    throw error;
  } finally {
    into.end();
  }
}

/** Waits until the bytes are out of our hands, so that their buffer may be used again. */
function written(stream: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => stream.write(bytes, (error) => (error ? reject(error) : resolve())));
}

/** Waits for the data and for every program; a program's failure explains more than the broken stream it leaves. */
async function complete(chain: readonly Running[], flows: readonly Promise<void>[]): Promise<void> {
  let culprit: Exit | null = null;
  const exits = chain.map(async (running) => {
    const exit = await running.exit;
    if (succeeded(exit) || isEcho(exit) || culprit !== null) return exit;
    culprit = exit;
    // A dump that waits for a lock would not notice for minutes that nobody reads it any more.
    await Promise.all(chain.map((other) => other.end()));
    return exit;
  });
  const [flow, ...ended] = await Promise.all([firstError(flows), ...exits]);
  // What the store says of itself says it all.
  if (flow instanceof FaberError) throw flow;
  if (flow !== null || !ended.every(succeeded)) throw new PipeFailed(culprit ?? ended.find((exit) => !succeeded(exit)) ?? null, flow);
}

/** Waits for all. @returns the error that came first, or null */
async function firstError(flows: readonly Promise<void>[]): Promise<unknown> {
  let first: { error: unknown } | null = null;
  await Promise.all(flows.map((flow) => flow.catch((error: unknown) => void (first ??= { error }))));
  return (first as { error: unknown } | null)?.error ?? null;
}
