/**
 * Every message that operations understand. Handlers parse, record and return: one that throws would wedge the workflow
 * or fail it, and a signal must never do either.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Notification } from '../contract/index.js';
import { INTERNAL_SIGNALS, QUERIES, SIGNALS, UPDATES } from '../contract/names.js';
import type { OperationState } from '../contract/view.js';

export const approveSignal = defineSignal<[unknown]>(SIGNALS.approve);
export const rejectSignal = defineSignal<[unknown]>(SIGNALS.reject);
/** The way out that a person chose after a failure. */
export const resolveSignal = defineSignal<[unknown]>(SIGNALS.resolve);
/** As approve, reject and resolve, but its validator tells a bad decision at once. */
export const decideUpdate = defineUpdate<{ recorded: string }, [unknown]>(UPDATES.decide);
export const stateQuery = defineQuery<OperationState>(QUERIES.state);

/** From a change to the queue of its database, and back. What they carry is read by internal-messages.ts. */
export interface LockRequest {
  workflow_id: string;
  operation: string;
  environment: string;
}
export const requestLockSignal = defineSignal<[unknown]>(INTERNAL_SIGNALS.requestLock);
export const releaseLockSignal = defineSignal<[unknown]>(INTERNAL_SIGNALS.releaseLock);
export const lockGrantedSignal = defineSignal(INTERNAL_SIGNALS.lockGranted);
export const lockQueuedSignal = defineSignal<[unknown]>(INTERNAL_SIGNALS.lockQueued);

/** From a change to its operation: an answer for the caller while the change still waits for a person. */
export const changeAnswerSignal = defineSignal<[unknown]>(INTERNAL_SIGNALS.changeAnswer);

/** To the workflow that notifies. */
export interface Told {
  /** The workflow that tells. */
  from: string;
  /** Null: from now on somebody else tells. */
  notification: Notification | null;
  /** Said once at a time, or (null) again and again, until something else is told. */
  remind: { at: string | null; notification: Notification } | null;
}
export const tellSignal = defineSignal<[unknown]>(INTERNAL_SIGNALS.tell);

/** Ready-to-paste examples, shown by the Web UI and the CLI beside each message. */
export const DESCRIPTIONS = {
  approve: 'Approve the plan. Payload (json/plain): {"plan": "<first 8 or more hex of plan_hash>", "by": "ana@example.com", "comment": "ok"}; where decisions are signed {"plan": "…", "token": "<JWT>"}',
  reject: 'Refuse the plan. Payload (json/plain): {"plan": "<first 8 or more hex of plan_hash>", "by": "ana@example.com", "comment": "why"}',
  resolve: 'Choose the way out of a failure. Payload (json/plain): {"choice": "retry|undo|restore|accept", "by": "ana@example.com"}',
  decide:
    'Decide, and be told at once when the decision does not fit. Payload (json/plain): {"decision": "approve|reject|retry|undo|restore|accept", "plan": "<first 8 hex>", "by": "ana@example.com"}',
  state: 'What the operation does, waits for and has done: plan, approvals, progress, answer.',
} as const;
