import { Context } from '@temporalio/activity';
import { INTERNAL_SIGNALS, QUEUE_WORKFLOW, queueWorkflowId } from '../contract/names.js';

/** Puts a change into the queue of its database; starts the queue when there is none. Asking twice is asking once. */
export async function requestLock(input: { identity_digest: string; workflow_id: string; operation: string; environment: string }): Promise<void> {
  const { client, info } = Context.current();
  const { identity_digest, ...request } = input;
  await client.workflow.signalWithStart(QUEUE_WORKFLOW, {
    workflowId: queueWorkflowId(identity_digest),
    taskQueue: info.taskQueue,
    args: [],
    signal: INTERNAL_SIGNALS.requestLock,
    signalArgs: [request],
    staticSummary: `Queue of the database of ${input.environment}`.slice(0, 180),
  });
}

/** Whether a workflow runs. */
export async function isRunning(input: { workflow_id: string }): Promise<boolean> {
  try {
    const description = await Context.current().client.workflow.getHandle(input.workflow_id).describe();
    return description.status.name === 'RUNNING' || description.status.name === 'PAUSED';
  } catch (error) {
    if (error instanceof Error && error.name === 'WorkflowNotFoundError') return false;
    throw error;
  }
}

/** Whether a change of that operation runs: the operation itself may be gone, its change (a child of its own) not. */
export async function changeRuns(operationId: string): Promise<boolean> {
  const { client } = Context.current();
  const prefix = `${operationId}/change-`;
  // Backslashes and quotes would end the string in the query.
  if (/["'\\]/.test(prefix)) return false;
  for await (const execution of client.workflow.list({ query: `WorkflowId STARTS_WITH "${prefix}" AND ExecutionStatus = "Running"`, pageSize: 5 })) {
    // The list lags behind what has just ended.
    if (execution.workflowId.startsWith(prefix) && (await isRunning({ workflow_id: execution.workflowId }))) return true;
  }
  return false;
}

/** Whether an operation, or the change that it began, runs. The operation itself may be gone, its change (a child of its own) not. */
export async function stillRuns(operationId: string): Promise<boolean> {
  return (await isRunning({ workflow_id: operationId })) || changeRuns(operationId);
}
