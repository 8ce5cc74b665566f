import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { queueWorkflowId } from '../../src/contract/names.js';
import type { OperationState } from '../../src/contract/view.js';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** All events of a run, in the smallest pages: with payloads of any size, others do not fit into a message of the client. */
export async function eventsOf(client: Client, workflowId: string, runId?: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextPageToken: Uint8Array | null | undefined;
  do {
    const page = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace, execution: { workflowId, ...(runId === undefined ? {} : { runId }) }, maximumPageSize: 1, ...(nextPageToken ? { nextPageToken } : {}),
    });
    events.push(...(page.history?.events ?? []));
    nextPageToken = page.nextPageToken;
  } while (nextPageToken && nextPageToken.length > 0);
  return events;
}

/** Failed workflow tasks: each would be tried again without end. A workflow that is well has none. */
export async function failedTasks(client: Client, workflowId: string): Promise<string[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).flatMap((e) => (e.workflowTaskFailedEventAttributes ? [e.workflowTaskFailedEventAttributes.failure?.message ?? 'unknown'] : []));
}

/** The queue workflow of the database that a plan is for. */
export function queueOf(state: OperationState): string {
  return queueWorkflowId(createHash('sha256').update(state.plan!.target.identity).digest('hex').slice(0, 24));
}
