/** Decisions of people, sent so that a bad one is told at once where that is possible. */
import {
  WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, WorkflowUpdateStage, type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { Decision, REQUESTER_MAY_NOT_APPROVE } from '../contract/decision.js';
import { FaberError } from '../contract/failure.js';
import { describeIssue } from '../contract/issues.js';
import { SIGNALS, UPDATES } from '../contract/names.js';
import type { TemporalAccess } from './connect.js';
import { queryState, sightOf } from './look.js';
import { toFaberError } from './temporal-errors.js';

export interface Recorded {
  recorded: Decision['decision'];
  workflow_id: string;
  /** update: the operation took it; signal: sent, and judged later (no worker runs, or the server's principal is looked up). */
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

/** Where the server says who decides, a signal carries that and an update does not. */
const wantsSignal = (error: WorkflowUpdateFailedError): boolean => error.cause instanceof ApplicationFailure && error.cause.type === 'send_a_signal';

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
    if (error instanceof WorkflowUpdateFailedError && !wantsSignal(error)) throw refusal(error, workflowId);
    if (!(error instanceof WorkflowUpdateFailedError) && !(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw toFaberError(error, access, workflowId);
  }
  // Otherwise no worker answers now. A signal is kept until one does; should the update arrive as well, the second one is refused.
  try {
    await signal(handle, decision);
  } catch (error) {
    throw toFaberError(error, access, workflowId);
  }
  return { recorded: decision.decision, workflow_id: workflowId, via: 'signal' };
}

function refusal(error: WorkflowUpdateFailedError, workflowId: string): FaberError {
  const reason = error.cause instanceof ApplicationFailure ? error.cause.message : (error.cause?.message ?? 'no reason given');
  return new FaberError({ code: 'invalid_request', message: reason.slice(0, 500), suggestions: [...(reason.includes(REQUESTER_MAY_NOT_APPROVE) ? ['Somebody else approves, with a name of their own: --by NAME'] : []), `faber-db watch ${workflowId} shows the plan and what is waited for`] }, { cause: error });
}

/** The hash of the plan that an operation shows now. @throws FaberError when it has none. */
export async function planHashOf(access: TemporalAccess, workflowId: string): Promise<string> {
  const state = await queryState(access, access.client.workflow.getHandle(workflowId)).catch((error: unknown) => {
    throw toFaberError(error, access, workflowId);
  });
  if (state?.plan) return state.plan.plan_hash;
  throw refused(`Operation '${workflowId}' has no plan yet`, ['Wait until it has, or send the hash that migrate-preview gave']);
}

/** What a signature must cover, as far as it can be read from the operation. */
export interface SignatureFacts {
  operation: string;
  run: string;
  plan: string;
  audience: string;
  issuer?: string;
}

/**
 * The facts that tie a signed decision to one plan of one run.
 * @param plan the first 8 or more hex digits of the plan that is decided about; absent: the plan that the operation shows
 * @throws FaberError invalid_request when the operation waits with another plan, or shows none and `plan` is not the whole hash
 */
export async function signatureFacts(access: TemporalAccess, workflowId: string, plan: string | undefined): Promise<SignatureFacts> {
  const handle = access.client.workflow.getHandle(workflowId);
  try {
    const { runId } = sightOf(await handle.describe());
    const shown = (await queryState(access, handle).catch(() => null))?.plan;
    const wished = plan?.trim().toLowerCase();
    if (shown && wished !== undefined && !shown.plan_hash.startsWith(wished)) {
      throw refused(`It is for plan ${wished.slice(0, 12)}, the operation shows plan ${shown.plan_hash.slice(0, 12)}`, [`faber-db watch ${workflowId} shows the plan`]);
    }
    const hash = shown?.plan_hash ?? wished ?? '';
    if (hash.length !== 64) throw refused(`Operation '${workflowId}' shows no plan yet, and a signature needs the whole plan hash`, ['Wait until it has one, or give all 64 digits of the hash that migrate-preview gave']);
    const settings = (shown?.settings['approval'] as { signature?: { audience?: string; issuer?: string | null } } | undefined)?.signature;
    const issuer = settings?.issuer;
    return { operation: workflowId, run: runId, plan: hash, audience: settings?.audience ?? 'faber-db', ...(issuer ? { issuer } : {}) };
  } catch (error) {
    throw toFaberError(error, access, workflowId);
  }
}
