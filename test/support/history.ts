import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { queueWorkflowId } from '../../src/contract/names.js';
import type { OperationState } from '../../src/contract/view.js';

/** Failed workflow tasks: each would be tried again without end. A workflow that is well has none. */
export async function failedTasks(client: Client, workflowId: string): Promise<string[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).flatMap((e) => (e.workflowTaskFailedEventAttributes ? [e.workflowTaskFailedEventAttributes.failure?.message ?? 'unknown'] : []));
}

/** The queue workflow of the database that a plan is for. */
export function queueOf(state: OperationState): string {
  return queueWorkflowId(createHash('sha256').update(state.plan!.target.identity).digest('hex').slice(0, 24));
}
