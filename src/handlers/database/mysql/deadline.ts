/** Ends what a session runs when its time is up or its caller gives up, and waits until it is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ScriptError } from '../contract.js';
import { readingName, withSession, type MysqlSession } from './session.js';

/** A KILL QUERY that arrives between two statements does nothing, so it is sent until the work is over. */
const CANCEL_EVERY_MS = 300;
/** After this long the session itself is ended, then our socket. */
const TERMINATE_AFTER_MS = 15_000;

/**
 * Runs `run`; at the deadline, or when the signal aborts, interrupts what the session runs.
 * @param run gets `proceed`, to be called between statements: throws once the work has to stop
 * @throws the signal's reason after an abort; ScriptError 57014 after the deadline; else what `run` throws
 */
export async function underDeadline<T>(session: MysqlSession, limits: { signal: AbortSignal; timeoutSeconds: number }, run: (proceed: () => void) => Promise<T>): Promise<T> {
  limits.signal.throwIfAborted();
  const over = new AbortController();
  let cause: 'abort' | 'timeout' | null = null;
  let cancelling: Promise<void> | undefined;
  const stop = (why: 'abort' | 'timeout') => {
    cause ??= why;
    cancelling ??= keepCancelling(session, over.signal);
  };
  const onAbort = () => stop('abort');
  limits.signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => stop('timeout'), limits.timeoutSeconds * 1000);
  const stopped = (error?: unknown) => (cause === 'abort' ? limits.signal.reason : timeoutOf(error, limits.timeoutSeconds));
  try {
    return await run(() => {
      if (cause) throw stopped();
    });
  } catch (error) {
    // What broke off at a commit is unknown, whatever made it break off: that must be told.
    if (cause === null || (error instanceof ScriptError && error.failure.connectionLost)) throw error;
    throw stopped(error);
  } finally {
    clearTimeout(timer);
    limits.signal.removeEventListener('abort', onAbort);
    over.abort();
    // Else a late KILL could hit the next session of this number.
    await cancelling;
  }
}

async function keepCancelling(session: MysqlSession, over: AbortSignal): Promise<void> {
  const begun = performance.now();
  while (!over.aborted) {
    const how = performance.now() - begun > TERMINATE_AFTER_MS ? 'CONNECTION' : 'QUERY';
    await withSession(session.target, readingName('cancel'), (other) => other.query(`KILL ${how} ${session.id}`), { serverOnly: true }).catch(() => {
      if (how === 'CONNECTION') session.abandon();
    });
    await sleep(CANCEL_EVERY_MS, undefined, { signal: over }).catch(() => {});
  }
}

function timeoutOf(error: unknown, seconds: number): ScriptError {
  const known = error instanceof ScriptError ? error : null;
  const message = `it ran longer than ${seconds} seconds and was interrupted`;
  const nowhere = { line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false };
  return new ScriptError({ ...nowhere, ...known?.failure, sqlState: '57014', message }, known?.detail ?? message, { cause: error });
}
