/** Ends the process that runs SQLite when its time is up or its caller gives up: nothing else stops a statement. */
import { ScriptError } from '../contract.js';
import { plainError } from './failure.js';
import type { SqliteProcess } from './process/process.js';

/**
 * Runs `run`; at the deadline, or when the signal aborts, the process is ended, which takes back what was not committed.
 * @throws the signal's reason after an abort; ScriptError after the deadline; else what `run` throws. A commit that broke off is
 *   told as such (`connectionLost`)
 */
export async function underDeadline<T>(process: SqliteProcess, { signal, timeoutSeconds }: { signal: AbortSignal; timeoutSeconds: number }, run: (progress: { committing: boolean }) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let cause: 'abort' | 'timeout' | null = null;
  const progress = { committing: false };
  const stop = (why: 'abort' | 'timeout') => {
    cause ??= why;
    void process.kill();
  };
  const onAbort = () => stop('abort');
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => stop('timeout'), timeoutSeconds * 1000);
  try {
    return await run(progress);
  } catch (error) {
    if (cause !== null) await process.kill();
    if (cause === null || (progress.committing && error instanceof ScriptError && error.failure.connectionLost)) throw error;
    if (cause === 'abort') throw signal.reason;
    throw plainError('SQLITE_INTERRUPT', `it ran longer than ${timeoutSeconds} seconds and was ended`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
