/** Starting an operation, or joining the one that has its id. */
import { randomBytes } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError, type WorkflowStartOptions } from '@temporalio/client';
import { FaberError } from '../contract/failure.js';
import { MEMO, WORKFLOW_TYPES } from '../contract/names.js';
import type { OperationInput, Request } from '../contract/operation.js';
import { requestDigest } from '../contract/request-digest.js';
import type { Response } from '../contract/response.js';
import type { TemporalAccess } from './connect.js';
import { sightOf } from './look.js';
import { requireWorker } from './task-queue.js';
import { toFaberError } from './temporal-errors.js';

type OperationWorkflow = (input: OperationInput) => Promise<Response>;

export interface Started {
  workflowId: string;
  runId: string;
  /** False: an operation with this id and the same request was there already, running or ended. */
  startedByUs: boolean;
}

const environmentOf = (request: Request) => (request.parameters as { environment?: string }).environment;

/** `faber-db/migrate/production/20260124-103000-1f3a9c`: sorts by time, unique without a server. */
function newOperationId(request: Request, now = new Date()): string {
  const stamp = now.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `faber-db/${request.operation}/${environmentOf(request) ?? 'all'}/${stamp}-${randomBytes(3).toString('hex')}`;
}

/** At most 200 bytes, the server's limit for a summary. */
function summaryOf(request: Request): string {
  return `${request.operation} ${environmentOf(request) ?? ''}`.trim().slice(0, 180);
}

function conflict(workflowId: string): FaberError {
  return new FaberError({
    code: 'operation_id_conflict',
    message: `Operation id '${workflowId}' was used before, with another request`,
    suggestions: ['Use another --workflow-id, for example one with the number of the pipeline run in it', 'faber-db list shows what ran'],
  });
}

export interface StartRequest {
  request: Request;
  requestedBy: string;
  taskQueue: string;
  workflowId?: string;
}

function optionsOf({ request, requestedBy, taskQueue }: StartRequest, workflowId: string): WorkflowStartOptions<OperationWorkflow> {
  return {
    workflowId,
    taskQueue,
    args: [{ request, requested_by: requestedBy }],
    memo: {
      [MEMO.operation]: request.operation,
      [MEMO.environment]: environmentOf(request) ?? '',
      [MEMO.requestDigest]: requestDigest(request),
      [MEMO.requestedBy]: requestedBy,
    },
    staticSummary: summaryOf(request),
    staticDetails: `Asked for by \`${requestedBy.replaceAll('`', "'")}\` (not verified).`,
    // Running: joined. Closed: refused by the server, and its answer is given again.
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
  };
}

/** What has the id. */
async function existing(access: TemporalAccess, workflowId: string) {
  const description = await access.client.workflow.getHandle(workflowId).describe();
  const sight = sightOf(description);
  // Taken back before any worker saw it: as if it had never been.
  const neverRan = description.status.name === 'TERMINATED' && description.historyLength <= 3 && sight.requestDigest !== undefined;
  return { ...sight, neverRan };
}

/**
 * Starts an operation. The same id with the same request joins what runs, or what ended and is still known.
 * @throws FaberError no_worker within ten seconds, operation_id_conflict, temporal_unavailable.
 */
export async function startOperation(access: TemporalAccess, start: StartRequest): Promise<Started> {
  const workflowId = start.workflowId ?? newOperationId(start.request);
  const digest = requestDigest(start.request);
  const type = WORKFLOW_TYPES[start.request.operation];
  try {
    const known = start.workflowId === undefined ? undefined : await lookUp(access, workflowId);
    if (known && !known.neverRan) {
      if (known.requestDigest !== digest) throw conflict(workflowId);
      return { workflowId, runId: known.runId, startedByUs: false };
    }
    await requireWorker(access, start.taskQueue);
    const handle = await access.client.workflow.start<OperationWorkflow>(type, {
      ...optionsOf(start, workflowId),
      ...(known ? { workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const } : {}),
    });
    if (start.workflowId === undefined) return { workflowId, runId: handle.firstExecutionRunId, startedByUs: true };
    return await joinedOrStarted(access, workflowId, digest, handle.firstExecutionRunId);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw toFaberError(error, access);
    // It began and ended between the look and the start.
    return joinedOrStarted(access, workflowId, digest, undefined);
  }
}

async function lookUp(access: TemporalAccess, workflowId: string) {
  try {
    return await existing(access, workflowId);
  } catch (error) {
    if (toFaberError(error, access, workflowId).code === 'operation_not_found') return undefined;
    throw error;
  }
}

/** Two starts with one id at the same time: one of them joined the other's. */
async function joinedOrStarted(access: TemporalAccess, workflowId: string, digest: string, runId: string | undefined): Promise<Started> {
  const found = await existing(access, workflowId).catch((error: unknown) => {
    throw toFaberError(error, access, workflowId);
  });
  if (found.requestDigest !== digest) throw conflict(workflowId);
  return { workflowId, runId: found.runId, startedByUs: found.runId === runId };
}
