/** Waiting for the host, for minutes or hours: by asking again, ever less often, with jitter, so that many do not ask at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { passes } from './errors.js';

/** How often it is asked, in milliseconds. */
export interface Pace { first: number; longest: number }

export const PACE: Pace = { first: 1_000, longest: 30_000 };
const GROWTH = 1.4;
/** So long nothing but throttling and broken connections: then nobody knows what goes on there any more. */
const SILENT_MS = 15 * 60_000;

export interface PollOptions {
  pace: Pace;
  signal: AbortSignal;
  /** Milliseconds; default: without end, since the caller's activity has one. */
  limit?: number;
}

/**
 * Asks until there is an answer.
 * @param ask null: not yet
 * @returns null when the limit has passed
 * @throws what `ask` throws, unless it passes; the reason of the signal when aborted
 */
export async function poll<T>(ask: () => Promise<T | null>, { pace, signal, limit = Infinity }: PollOptions): Promise<T | null> {
  const begun = performance.now();
  let heard = begun;
  for (let wait = pace.first; ; wait = Math.min(wait * GROWTH, pace.longest)) {
    signal.throwIfAborted();
    try {
      const answer = await ask();
      if (answer !== null) return answer;
      heard = performance.now();
    } catch (error) {
      if (!passes(error) || performance.now() - heard > SILENT_MS) throw error;
    }
    if (performance.now() - begun > limit) return null;
    await sleep(wait * (0.8 + Math.random() * 0.4), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
