/** Decisions of people, sent so that a bad one is told at once where that is possible. */
import {
  WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, WorkflowUpdateStage, type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { Decision } from '../contract/decision.js';
import { FaberError } from '../contract/failure.js';
import { describeIssue } from '../contract/issues.js';
import { SIGNALS, UPDATES } from '../contract/names.js';
import type { TemporalAccess } from './connect.js';
import { queryState, sightOf } from './look.js';
import { toFaberError } from './temporal-errors.js';

export interface Recorded {
  recorded: Decision['decision'];
  workflow_id: string;
  /** update: the operation took it; signal: sent, and judged when a worker runs. */
  via: 'update' | 'signal';
}

const UPDATE_TIMEOUT_MS = 8_000;

function refused(message: string, suggestions: string[]): FaberError {
  return new FaberError({ code: 'invalid_request', message, suggestions });
}

function parse(decision: unknown): Decision {
  const parsed = Decision.safeParse(decision);
  if (parsed.success) return parsed.data;
  const [first = 'The decision is invalid', ...rest] = parsed.error.issues.map((issue) => describeIssue(issue, decision));
  throw refused(first, rest);
}

/** The signal that means the same; the way out has a payload of its own. */
async function signal(handle: WorkflowHandle, { decision, plan, ...rest }: Decision): Promise<void> {
  if (decision === 'approve' || decision === 'reject') await handle.signal(SIGNALS[decision], { plan, ...rest });
  else await handle.signal(SIGNALS.resolve, { choice: decision, ...rest });
}

/**
 * Sends a decision about the operation `workflowId`.
 * @throws FaberError invalid_request when it does not count, with the reason; operation_not_found; temporal_unavailable.
 */
export async function decide(access: TemporalAccess, workflowId: string, input: unknown): Promise<Recorded> {
  const decision = parse(input);
  const handle = access.client.workflow.getHandle(workflowId);
  try {
    const { closed } = sightOf(await handle.describe());
    if (closed) throw refused(`Operation '${workflowId}' has ended; nothing waits for a decision`, [`faber-db watch ${workflowId} shows its answer`]);
    await access.client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, async () => {
      const update = await handle.startUpdate(UPDATES.decide, { args: [decision], waitForStage: WorkflowUpdateStage.ACCEPTED });
      await update.result();
    });
    return { recorded: decision.decision, workflow_id: workflowId, via: 'update' };
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw refusal(error, workflowId);
    if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw toFaberError(error, access, workflowId);
  }
  // No worker answers now. A signal is kept until one does; should the update arrive as well, the second one is refused.
  try {
    await signal(handle, decision);
  } catch (error) {
    throw toFaberError(error, access, workflowId);
  }
  return { recorded: decision.decision, workflow_id: workflowId, via: 'signal' };
}

function refusal(error: WorkflowUpdateFailedError, workflowId: string): FaberError {
  const reason = error.cause instanceof ApplicationFailure ? error.cause.message : (error.cause?.message ?? 'no reason given');
  return new FaberError({ code: 'invalid_request', message: reason.slice(0, 500), suggestions: [`faber-db watch ${workflowId} shows the plan and what is waited for`] }, { cause: error });
}

/** The hash of the plan that an operation shows now. @throws FaberError when it has none. */
export async function planHashOf(access: TemporalAccess, workflowId: string): Promise<string> {
  const state = await queryState(access, access.client.workflow.getHandle(workflowId)).catch((error: unknown) => {
    throw toFaberError(error, access, workflowId);
  });
  if (state?.plan) return state.plan.plan_hash;
  throw refused(`Operation '${workflowId}' has no plan yet`, ['Wait until it has, or send the hash that migrate-preview gave']);
}
