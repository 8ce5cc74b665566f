/**
 * The queue of one database: grants its lock to one change at a time, in the order of asking, and runs nothing itself.
 * A workflow rather than a child's id, because an id excludes but gives no order (design, section 3).
 */
import { ActivityCancellationType, condition, continueAsNew, getExternalWorkflowHandle, proxyActivities, setHandler, setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import type { ReadingActivities } from '../activities/contract.js';
import { changeIdIn, lockRequestIn } from './internal-messages.js';
import { lockGrantedSignal, lockQueuedSignal, releaseLockSignal, requestLockSignal, type LockRequest } from './messages.js';

/** How often the queue looks whether the holder still runs, while someone waits. */
const LOOK_EVERY = '10 seconds';

/**
 * As many as fit into what one run hands to the next (2 MiB, of which a character may take 3 bytes): thousands. A change
 * that is not let in asks again by itself.
 */
const MOST_WAITING_CHARACTERS = 400_000;

const TOLD_AT_ONCE = 50;

export interface QueueState {
  holder: LockRequest | null;
  waiting: LockRequest[];
  /** Ids of waiters that are still to be told whom they wait for. */
  untold?: string[];
}

const { isRunning } = proxyActivities<Pick<ReadingActivities, 'isRunning'>>({
  startToCloseTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** A queue lives as long as its database is used: pinned to a build, it would keep that build alive. */
setWorkflowOptions(
  // The server refuses every task of a workflow that names a behaviour while its worker is not versioned. Such a worker
  // has a build id all the same, made by the SDK, but no deployment.
  () => (workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: 'AUTO_UPGRADE' } : {}),
  databaseQueue,
);

export async function databaseQueue(state?: QueueState): Promise<void> {
  let holder = lockRequestIn(state?.holder);
  const waiting = Array.isArray(state?.waiting) ? state.waiting.map(lockRequestIn).filter((request) => request !== null) : [];
  const untold = waiting.filter(({ workflow_id }) => Array.isArray(state?.untold) && state.untold.includes(workflow_id));
  let looking = false;
  let characters = waiting.reduce((sum, request) => sum + sizeOf(request), 0);

  const leave = (at: number) => {
    const [request] = waiting.splice(at, 1);
    characters -= sizeOf(request!);
    const told = untold.indexOf(request!);
    if (told >= 0) untold.splice(told, 1);
    return request!;
  };

  setHandler(requestLockSignal, (payload) => {
    const request = lockRequestIn(payload);
    if (request === null) return;
    if (holder?.workflow_id === request.workflow_id) {
      // It asks again because it never heard: grant again.
      waiting.unshift(request);
      holder = null;
    } else if (!waiting.some((w) => w.workflow_id === request.workflow_id)) {
      if (characters + sizeOf(request) > MOST_WAITING_CHARACTERS) return;
      waiting.push(request);
      untold.push(request);
    } else return;
    characters += sizeOf(request);
  });
  setHandler(releaseLockSignal, (payload) => {
    const workflow_id = changeIdIn(payload);
    if (workflow_id === null) return;
    if (holder?.workflow_id === workflow_id) holder = null;
    const at = waiting.findIndex((w) => w.workflow_id === workflow_id);
    if (at >= 0) leave(at);
  });

  // Between any two steps: a thousand waiters to be told would by themselves be more history than a run should have.
  const full = () => workflowInfo().continueAsNewSuggested;
  for (;;) {
    while (holder === null && waiting.length > 0 && !full()) {
      const next = leave(0);
      holder = next;
      if (!(await signalled(() => getExternalWorkflowHandle(next.workflow_id).signal(lockGrantedSignal)))) {
        // Ended before its turn.
        if (holder?.workflow_id === next.workflow_id) holder = null;
      }
    }
    while (untold.length > 0 && !full()) {
      // Many at once: one by one, each would cost a task of its own.
      await Promise.all(untold.splice(0, TOLD_AT_ONCE).map(async (request) => {
        const ahead = waiting.slice(0, Math.max(0, waiting.indexOf(request))).map((w) => w.workflow_id);
        const behind = [...(holder ? [(holder as LockRequest).workflow_id] : []), ...ahead].slice(0, 10);
        await signalled(() => getExternalWorkflowHandle(request.workflow_id).signal(lockQueuedSignal, { behind }));
      }));
    }
    if (holder === null && waiting.length === 0) return;
    // Signals that came meanwhile are in the state already; one that comes while this is on its way makes the server refuse
    // it and give us that signal first.
    if (full()) await continueAsNew<typeof databaseQueue>({ holder, waiting, untold: untold.map((request) => request.workflow_id) });

    const somethingToDo = () => untold.length > 0 || holder === null;
    if (waiting.length === 0 || looking) {
      await condition(somethingToDo);
    } else if (!(await condition(somethingToDo, LOOK_EVERY)) && holder !== null) {
      // Not waited for: while its worker is dead, it takes half a minute, and the lock may be given back meanwhile.
      looking = true;
      void look((holder as LockRequest).workflow_id);
    }
  }

  async function look(workflow_id: string): Promise<void> {
    try {
      if (!(await isRunning({ workflow_id })) && holder?.workflow_id === workflow_id) holder = null;
    } catch {
      // Not known: looked at again.
    } finally {
      looking = false;
    }
  }
}

const sizeOf = (request: LockRequest) => JSON.stringify(request).length;

/** Whether the other workflow is still there to be told. */
async function signalled(send: () => Promise<void>): Promise<boolean> {
  try {
    await send();
    return true;
  } catch {
    return false;
  }
}
