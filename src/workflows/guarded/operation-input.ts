import { workflowInfo } from '@temporalio/workflow';
import type { OperationInput } from '../../contract/index.js';
import { StopHere } from './steps.js';

const MOST_NAME = 200;
/** The server takes ids of 1000 bytes; those of the change and of the audit's delivery are longer than the operation's. */
const MOST_ID = 250;

/**
 * What an operation was started with. Anybody can start one, with any argument or none: the request is parsed by the
 * first activity, so that a bad one is answered; who asked is text or unknown.
 */
export function operationInput(argument: unknown): OperationInput {
  const { request, requested_by, phase } = (typeof argument === 'object' && argument !== null ? argument : {}) as Partial<OperationInput>;
  const named = typeof requested_by === 'string' && requested_by.trim() !== '';
  return { request: request ?? null, requested_by: named ? requested_by.slice(0, MOST_NAME) : 'unknown', ...(phase === 'build' && workflowInfo().parent !== undefined ? { phase } : {}) };
}

/** @throws StopHere invalid_request for an id that leaves no room: the server would refuse the change again and again. */
export function requireUsableId(): void {
  if (workflowInfo().workflowId.length <= MOST_ID) return;
  throw new StopHere({ code: 'invalid_request', message: `The operation id has more than ${MOST_ID} characters`, suggestions: ['Start it with a shorter id'] });
}
