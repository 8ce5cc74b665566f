import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { MEMO, QUERIES, WORKFLOW_TYPES } from '../contract/names.js';
import type { RunningOperation } from '../contract/status.js';
import type { OperationState } from '../contract/view.js';
import type { OperationsInFlight } from './contract.js';
import { withHeartbeat } from './heartbeat.js';

/** More than this many are not looked at: asking each costs a worker a task. */
const MOST = 50;
const QUERY_MS = 3_000;
/** Their queue is that of all activities of a kind; the server lists a worker there for five minutes after its last poll. */
const ACTIVITY_TASKS = 2;

/** What runs on this operation's task queue, by environment, this operation itself left out. */
export async function listRunning(): Promise<OperationsInFlight> {
  return withHeartbeat(async () => {
    const { client, info } = Context.current();
    const types = Object.values(WORKFLOW_TYPES).map((type) => `'${type}'`).join(', ');
    const queue = info.taskQueue.replaceAll(/["\\]/g, '');
    const found: OperationsInFlight['operations'] = [];
    let more = false;
    for await (const execution of client.workflow.list({ query: `TaskQueue = "${queue}" AND ExecutionStatus = "Running" AND WorkflowType IN (${types})`, pageSize: 100 })) {
      if (execution.workflowId === info.workflowExecution?.workflowId) continue;
      more = found.length >= MOST;
      if (more) break;
      const memo = (key: string) => (typeof execution.memo?.[key] === 'string' ? (execution.memo[key] as string) : '');
      found.push({
        environment: memo(MEMO.environment),
        operation: {
          workflow_id: execution.workflowId, operation: memo(MEMO.operation) || execution.type, phase: null, waiting_for: null, command: null,
          requested_by: memo(MEMO.requestedBy), started_at: execution.startTime.toISOString(),
        },
      });
    }
    return { operations: await Promise.all(found.map((one) => withState(client, one))), more };
  });
}

async function withState(client: Client, { environment, operation }: { environment: string; operation: RunningOperation }): Promise<{ environment: string; operation: RunningOperation }> {
  const state = await ask(client, operation.workflow_id);
  if (state === null) return { environment, operation: { ...operation, waiting_for: 'a worker: none answers for it' } };
  const change = state.change_workflow_id !== null && state.phase !== 'finished' ? await ask(client, state.change_workflow_id) : null;
  const phase = change?.phase ?? state.phase;
  const whole = { ...state, phase, waiting_behind: change?.waiting_behind ?? state.waiting_behind, answer: state.answer ?? change?.answer ?? null };
  // Started by hand, without a memo: the operation itself knows.
  return { environment: environment || state.environment, operation: { ...operation, operation: state.operation, requested_by: operation.requested_by || state.requested_by, phase, ...waiting(operation.workflow_id, whole) } };
}

/** @returns null where nobody answers in time */
async function ask(client: Client, workflowId: string): Promise<OperationState | null> {
  try {
    return await client.withDeadline(Date.now() + QUERY_MS, () => client.workflow.getHandle(workflowId).query<OperationState>(QUERIES.state));
  } catch {
    // No worker, not begun, ended a moment ago: that it ran is all there is to tell.
    return null;
  }
}

function waiting(id: string, state: OperationState): { waiting_for: string | null; command: string | null } {
  switch (state.phase) {
    case 'waiting_for_approval': {
      const plan = state.plan?.plan_hash.slice(0, 12) ?? '';
      return { waiting_for: `approval of plan ${plan}${state.approval_deadline === null ? '' : ` until ${state.approval_deadline}`}`, command: `faber-db approve ${id} --plan ${plan}` };
    }
    case 'waiting_for_lock':
      return { waiting_for: state.waiting_behind.length > 0 ? `the database, behind ${state.waiting_behind.slice(0, 5).join(', ')}` : 'the database', command: `faber-db watch ${id}` };
    case 'waiting_for_decision': {
      const ways = state.answer?.status === 'error' ? (state.answer.waiting_for ?? []) : [];
      return { waiting_for: `a decision after a failure: ${ways.join(', ')}`, command: `faber-db watch ${id}` };
    }
    default:
      return { waiting_for: null, command: `faber-db watch ${id}` };
  }
}

/** Which of the task queues have a worker for activities, as far as the server knows. */
export async function findWorkers(input: { task_queues: string[] }): Promise<string[]> {
  const { client } = Context.current();
  const asked = await Promise.all(
    input.task_queues.map(async (name) => {
      const { pollers } = await client.workflowService.describeTaskQueue({ namespace: client.options.namespace, taskQueue: { name }, taskQueueType: ACTIVITY_TASKS });
      return (pollers ?? []).length > 0 ? [name] : [];
    }),
  );
  return asked.flat();
}
