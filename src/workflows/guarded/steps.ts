/** Activities as the workflows call them, with the options that make each kind safe, and what their failures mean. */
import { ActivityCancellationType, ActivityFailure, ApplicationFailure, CancellationScope, isCancellation, proxyActivities } from '@temporalio/workflow';
import type { ChangingActivities, FailureFacts, ReadingActivities } from '../../activities/contract.js';
import type { Settings } from '../../contract/index.js';

export interface Steps {
  reading: ReadingActivities;
  changing: ChangingActivities;
}

/** Before any settings are known. */
const HEARTBEAT_TIMEOUT_SECONDS = 20;

/**
 * @param settings tell where the environment's activities run and how soon a silent one is given up; null: on the
 *   workflow's own queue
 */
export function stepsOn(settings: Settings | null): Steps {
  const queue = settings?.task_queue ? { taskQueue: settings.task_queue } : {};
  const heartbeatTimeout = `${settings?.safety.heartbeat_timeout_seconds ?? HEARTBEAT_TIMEOUT_SECONDS} seconds` as const;
  return {
    reading: proxyActivities<ReadingActivities>({
      ...queue,
      startToCloseTimeout: '10 minutes',
      heartbeatTimeout,
      cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
      retry: { initialInterval: '500 ms', maximumInterval: '10 seconds', maximumAttempts: 8 },
    }),
    changing: proxyActivities<ChangingActivities>({
      ...queue,
      // Long work is bounded by heartbeats and by the limits of each migration, not here.
      startToCloseTimeout: '7 days',
      heartbeatTimeout,
      // TRY_CANCEL, the default, would go on while the child process still writes.
      cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
      // A retry is never blind: each attempt takes the fence (which ends the sessions of the attempt before), reads
      // the ledger and goes on from what it finds. Expected failures are not retryable.
      retry: { initialInterval: '1 second', maximumInterval: '20 seconds', maximumAttempts: 12 },
    }),
  };
}

/** An expected failure that workflow code itself finds. Always caught and answered: a plain error would fail only the task. */
export class StopHere extends Error {
  constructor(readonly facts: FailureFacts) {
    super(facts.message);
  }
}

/** Also a step whose worker died after the cancel: it ends with a timeout then, and is not tried again. */
export function endedByCancel(error: unknown): boolean {
  return isCancellation(error) || CancellationScope.current().consideredCancelled;
}

/** The facts of an expected failure, or `internal` for anything else. Never call it for a cancellation. */
export function factsOf(error: unknown): FailureFacts {
  if (error instanceof StopHere) return error.facts;
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const facts = cause.details?.[0] as FailureFacts | undefined;
    if (facts && typeof facts.code === 'string' && typeof facts.message === 'string') return facts;
    return { code: 'internal', message: cause.message };
  }
  const message = cause instanceof Error ? cause.message : 'unknown fault';
  const where = error instanceof ActivityFailure ? `${error.activityType}: ` : '';
  return { code: 'internal', message: `${where}${message}` };
}
