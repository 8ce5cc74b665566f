/** Ends what a session of a server runs when its time is up or its caller gives up, and waits until it is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ScriptError } from './contract.js';

export interface Limits {
  signal: AbortSignal;
  /** Seconds. */
  timeoutSeconds: number;
}

/** How a server is told to stop what a session runs. */
export interface Interruption {
  /** Asks through another session; `end`: the session itself is to go. Rejects when the server cannot be asked. */
  ask(end: boolean): Promise<unknown>;
  /** Drops the socket without a word to the server. */
  abandon(): void;
  /** As messages say it. */
  word: 'cancelled' | 'interrupted';
}

/** What is asked between two statements does nothing, so it is asked until the work is over. */
const ASK_EVERY_MS = 300;
/** After this long the session itself is ended, then our socket: a hanging network must not hold the caller for ever. */
const END_AFTER_MS = 15_000;

/**
 * Runs `run`; at the deadline, or when the signal aborts, stops what the session runs.
 * Work that ends well in spite of it counts: its outcome is known.
 * @param run gets `proceed`, to be called between messages: throws once the work has to stop
 * @throws the signal's reason after an abort; ScriptError 57014 after the deadline; else what `run` throws
 */
export async function underDeadline<T>(interruption: Interruption, limits: Limits, run: (proceed: () => void) => Promise<T>): Promise<T> {
  limits.signal.throwIfAborted();
  const over = new AbortController();
  let cause: 'abort' | 'timeout' | null = null;
  let asking: Promise<void> | undefined;
  const stop = (why: 'abort' | 'timeout') => {
    cause ??= why;
    asking ??= keepAsking(interruption, over.signal);
  };
  const onAbort = () => stop('abort');
  limits.signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => stop('timeout'), limits.timeoutSeconds * 1000);
  const stopped = (error?: unknown) => (cause === 'abort' ? limits.signal.reason : timeoutOf(error, limits.timeoutSeconds, interruption.word));
  try {
    return await run(() => {
      if (cause) throw stopped();
    });
  } catch (error) {
    // A commit that broke off is unknown, whatever made it break off: that must be told.
    if (cause === null || (error instanceof ScriptError && error.failure.connectionLost)) throw error;
    throw stopped(error);
  } finally {
    clearTimeout(timer);
    limits.signal.removeEventListener('abort', onAbort);
    over.abort();
    // Else a late request could hit another session that got the same number.
    await asking;
  }
}

async function keepAsking(interruption: Interruption, over: AbortSignal): Promise<void> {
  const begun = performance.now();
  while (!over.aborted) {
    const end = performance.now() - begun > END_AFTER_MS;
    await interruption.ask(end).catch(() => {
      if (end) interruption.abandon();
    });
    await sleep(ASK_EVERY_MS, undefined, { signal: over }).catch(() => {});
  }
}

function timeoutOf(error: unknown, seconds: number, word: Interruption['word']): ScriptError {
  const known = error instanceof ScriptError ? error : null;
  const message = `it ran longer than ${seconds} seconds and was ${word}`;
  const nowhere = { line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false };
  return new ScriptError({ ...nowhere, ...known?.failure, sqlState: '57014', message }, known?.detail ?? message, { cause: error });
}
