/** Looking at an environment: bounded, so that neither a server that hangs nor a task queue without a worker holds an answer. */
import { ActivityCancellationType, ActivityFailure, proxyActivities, TimeoutFailure, workflowInfo } from '@temporalio/workflow';
import type { ReadingActivities } from '../activities/contract.js';
import type { FailureFacts, Settings } from '../contract/index.js';
import { factsOf } from './guarded/steps.js';

/** A worker of the environment's own task queue takes a step within this, or there is none. On the operation's own queue one is at work. */
const TAKEN_WITHIN = '15 seconds';

type Look = Pick<ReadingActivities, 'readEnvironment' | 'checkDrift' | 'checkHealth'>;

export function looking(settings: Settings): Look {
  return proxyActivities<Look>({
    ...(elsewhere(settings) ? { taskQueue: settings.task_queue!, scheduleToStartTimeout: TAKEN_WITHIN } : {}),
    startToCloseTimeout: '5 minutes',
    heartbeatTimeout: `${settings.safety.heartbeat_timeout_seconds} seconds`,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '500 ms', maximumInterval: '10 seconds', maximumAttempts: 4 },
  });
}

/** Whether the environment's steps run on a task queue of its own. */
export function elsewhere(settings: Settings): boolean {
  return settings.task_queue !== null && settings.task_queue !== workflowInfo().taskQueue;
}

export function noWorkerOn(taskQueue: string): FailureFacts {
  return {
    code: 'no_worker',
    message: `No worker polls the task queue '${taskQueue}', which this environment's steps are for`,
    suggestions: [`Start one where the database can be reached: faber-db worker --task-queue ${taskQueue}`],
  };
}

/** The facts of a look that failed. Never call it for a cancellation. */
export function lookFacts(error: unknown, settings: Settings): FailureFacts {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof TimeoutFailure)) return factsOf(error);
  if (cause.timeoutType === 'SCHEDULE_TO_START') return noWorkerOn(settings.task_queue ?? '');
  return { code: 'health_check_failed', message: 'The look at the environment ended without an answer: its worker died, or was silent for too long', suggestions: ['Try again, and look at the log of the worker'] };
}
