/** The operations that Temporal knows. */
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { MEMO, WORKFLOW_TYPES } from '../contract/names.js';
import type { Phase } from '../contract/view.js';
import type { TemporalAccess } from './connect.js';
import { queryState } from './look.js';
import { toFaberError } from './temporal-errors.js';

export interface ListOptions {
  environment?: string;
  /** Only those that have not ended. */
  running?: boolean;
  /** Default 50. */
  limit?: number;
}

export interface ListedOperation {
  workflow_id: string;
  run_id: string;
  operation: string;
  environment: string;
  status: 'running' | 'success' | 'error' | 'cancelled';
  /** Of a running one, where a worker answers. */
  phase?: Phase;
  requested_by: string;
  started_at: string;
  ended_at?: string;
}

const DEFAULT_LIMIT = 50;

/** A refusal by a person completes its workflow, as a success does; only the answer tells them apart. */
const STATUS: Record<string, ListedOperation['status']> = { RUNNING: 'running', COMPLETED: 'success', CANCELLED: 'cancelled' };

function listed(info: WorkflowExecutionInfo): ListedOperation {
  const memo = (key: string) => (typeof info.memo?.[key] === 'string' ? (info.memo[key] as string) : '');
  return {
    workflow_id: info.workflowId,
    run_id: info.runId,
    operation: memo(MEMO.operation) || info.type,
    environment: memo(MEMO.environment),
    status: STATUS[info.status.name] ?? 'error',
    requested_by: memo(MEMO.requestedBy),
    started_at: info.startTime.toISOString(),
    ...(info.closeTime ? { ended_at: info.closeTime.toISOString() } : {}),
  };
}

/** Completed operations may have been refused: their answers say so. */
async function withDetail(access: TemporalAccess, operation: ListedOperation): Promise<ListedOperation> {
  const handle = access.client.workflow.getHandle(operation.workflow_id, operation.run_id);
  if (operation.status === 'running') {
    const state = await queryState(access, handle);
    return state ? { ...operation, phase: state.phase } : operation;
  }
  if (operation.status !== 'success') return operation;
  const answer: unknown = await handle.result();
  return (answer as { status?: unknown } | null)?.status === 'cancelled' ? { ...operation, status: 'cancelled' } : operation;
}

/** Newest first. @throws FaberError temporal_unavailable. */
export async function listOperations(access: TemporalAccess, options: ListOptions = {}): Promise<ListedOperation[]> {
  const types = Object.values(WORKFLOW_TYPES).map((type) => `'${type}'`).join(', ');
  const query = `WorkflowType IN (${types})${options.running ? ` AND ExecutionStatus = 'Running'` : ''}`;
  const found: ListedOperation[] = [];
  try {
    for await (const info of access.client.workflow.list({ query, pageSize: 100 })) {
      const operation = listed(info);
      if (options.environment !== undefined && operation.environment !== options.environment) continue;
      found.push(operation);
      if (found.length >= (options.limit ?? DEFAULT_LIMIT)) break;
    }
    return await Promise.all(found.map((operation) => withDetail(access, operation)));
  } catch (error) {
    throw toFaberError(error, access);
  }
}
