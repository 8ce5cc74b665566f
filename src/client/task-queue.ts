/** Whether a worker takes operations. */
import { FaberError } from '../contract/failure.js';
import type { TemporalAccess } from './connect.js';

/** Time for a worker that is just starting; the answer must be there within ten seconds. */
const PATIENCE_MS = 8_000;
const WORKFLOW_TASKS = 1;

export function noWorker(taskQueue: string, address: string, what: string): FaberError {
  return new FaberError({
    code: 'no_worker',
    message: `No worker polls the task queue '${taskQueue}'; ${what}`,
    suggestions: [
      `Start one: faber-db worker --task-queue ${taskQueue} --address ${address}`,
      'If workers run: they may poll another task queue or namespace (FABER_DB_TASK_QUEUE, TEMPORAL_NAMESPACE)',
    ],
  });
}

/** Whether any worker polled the queue in the last five minutes: so long the server lists one, also one that was killed. */
export async function hasWorker({ connection, namespace }: TemporalAccess, taskQueue: string): Promise<boolean> {
  const { pollers } = await connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue }, taskQueueType: WORKFLOW_TASKS });
  // Their times are not compared with ours: a clock that is off must not make workers disappear.
  return (pollers ?? []).length > 0;
}

/** @throws FaberError no_worker within ten seconds; nothing was started. */
export async function requireWorker(access: TemporalAccess, taskQueue: string): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  while (!(await hasWorker(access, taskQueue))) {
    if (Date.now() > until) throw noWorker(taskQueue, access.address, 'nothing was started');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
