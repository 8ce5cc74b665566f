/**
 * The queue of one database: grants its lock to one change at a time, in the order of asking, and runs nothing itself.
 * A workflow rather than a child's id, because an id excludes but gives no order (design, section 3).
 */
import { ActivityCancellationType, condition, continueAsNew, getExternalWorkflowHandle, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';
import type { ReadingActivities } from '../activities/contract.js';
import { changeIdIn, lockRequestIn } from './internal-messages.js';
import { lockGrantedSignal, lockQueuedSignal, releaseLockSignal, requestLockSignal, type LockRequest } from './messages.js';

/** How often the queue looks whether the holder still runs, while someone waits. */
const LOOK_EVERY = '10 seconds';

export interface QueueState {
  holder: LockRequest | null;
  waiting: LockRequest[];
}

const { isRunning } = proxyActivities<Pick<ReadingActivities, 'isRunning'>>({
  startToCloseTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

export async function databaseQueue(state?: QueueState): Promise<void> {
  let holder = lockRequestIn(state?.holder);
  const waiting = Array.isArray(state?.waiting) ? state.waiting.map(lockRequestIn).filter((request) => request !== null) : [];
  /** Waiters to be told whom they wait for. */
  const untold: LockRequest[] = [];

  setHandler(requestLockSignal, (payload) => {
    const request = lockRequestIn(payload);
    if (request === null) return;
    if (holder?.workflow_id === request.workflow_id) {
      // It asks again because it never heard: grant again.
      waiting.unshift(request);
      holder = null;
    } else if (!waiting.some((w) => w.workflow_id === request.workflow_id)) {
      waiting.push(request);
      untold.push(request);
    }
  });
  setHandler(releaseLockSignal, (payload) => {
    const workflow_id = changeIdIn(payload);
    if (workflow_id === null) return;
    if (holder?.workflow_id === workflow_id) holder = null;
    const at = waiting.findIndex((w) => w.workflow_id === workflow_id);
    if (at >= 0) waiting.splice(at, 1);
  });

  for (;;) {
    while (holder === null && waiting.length > 0) {
      const next = waiting.shift()!;
      holder = next;
      const told = untold.indexOf(next);
      if (told >= 0) untold.splice(told, 1);
      if (!(await signalled(() => getExternalWorkflowHandle(next.workflow_id).signal(lockGrantedSignal)))) {
        // Ended before its turn.
        if (holder?.workflow_id === next.workflow_id) holder = null;
      }
    }
    while (untold.length > 0) {
      const request = untold.shift()!;
      const ahead = waiting.slice(0, Math.max(0, waiting.indexOf(request))).map((w) => w.workflow_id);
      const behind = [...(holder ? [(holder as LockRequest).workflow_id] : []), ...ahead].slice(0, 10);
      await signalled(() => getExternalWorkflowHandle(request.workflow_id).signal(lockQueuedSignal, { behind }));
    }
    if (holder === null && waiting.length === 0) return;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof databaseQueue>({ holder, waiting });

    const somethingToDo = () => untold.length > 0 || holder === null;
    if (waiting.length === 0) {
      await condition(somethingToDo);
    } else if (!(await condition(somethingToDo, LOOK_EVERY)) && holder !== null) {
      const looked: string = (holder as LockRequest).workflow_id;
      const running = await isRunning({ workflow_id: looked });
      if (!running && (holder as LockRequest | null)?.workflow_id === looked) holder = null;
    }
  }
}

/** Whether the other workflow is still there to be told. */
async function signalled(send: () => Promise<void>): Promise<boolean> {
  try {
    await send();
    return true;
  } catch {
    return false;
  }
}
