/** Heartbeats on an interval: progress for people, and how Temporal tells an activity that it was cancelled. */
import { Context } from '@temporalio/activity';

const EVERY_MS = 500;
/** The SDK sends one a second at most; hundreds of migrations need not pay for those that it would hold back. */
const AT_LEAST_APART_MS = 200;

export interface Running {
  /** Aborted when the operation is cancelled or the worker shuts down. */
  signal: AbortSignal;
  /** When Temporal handed this attempt out (ms since 1970, its clock): later for each attempt and step of an operation. */
  attemptAt: number;
  /** What people see of the activity from now on. */
  progress: (message: string) => void;
}

export async function withHeartbeat<T>(work: (running: Running) => Promise<T>): Promise<T> {
  const context = Context.current();
  let message = '';
  let last = -Infinity;
  const beat = () => {
    last = performance.now();
    context.heartbeat({ message });
  };
  const timer = setInterval(beat, EVERY_MS);
  try {
    return await work({
      signal: context.cancellationSignal,
      attemptAt: context.info.currentAttemptScheduledTimestampMs,
      progress: (next) => {
        message = next;
        if (performance.now() - last >= AT_LEAST_APART_MS) beat();
      },
    });
  } finally {
    clearInterval(timer);
  }
}
