/** What a running operation shows: the answer of the query `state`, for CLI, client and Web UI. */
import { z } from 'zod';
import { RecordedDecision, RefusedDecision } from './decision.js';
import { PlanSummary } from './plan.js';
import { Response } from './response.js';

export const Phase = z.enum([
  'planning', 'waiting_for_infrastructure', 'waiting_for_approval', 'waiting_for_lock', 'checking', 'backing_up', 'verifying_backup', 'applying',
  'restoring', 'generating', 'checking_health', 'watching', 'undoing', 'running_step', 'waiting_for_decision', 'finished',
]);
export type Phase = z.infer<typeof Phase>;

export const ProgressLine = z.object({ at: z.string(), phase: Phase, message: z.string() });
export type ProgressLine = z.infer<typeof ProgressLine>;

export const OperationState = z.object({
  operation: z.string(),
  environment: z.string(),
  requested_by: z.string(),
  phase: Phase,
  plan: PlanSummary.nullable(),
  /** Until when the approval is waited for, ISO 8601. */
  approval_deadline: z.string().nullable(),
  approvals: z.array(RecordedDecision),
  refused: z.array(RefusedDecision).describe('The last few in full'),
  refused_count: z.number().int(),
  waiting_behind: z.array(z.string()).describe('Operations that hold the database or stand before this one'),
  progress: z.array(ProgressLine).describe('The last lines, oldest first'),
  progress_total: z.number().int(),
  /** The child workflow that holds the database and makes the change, once there is one; its own `state` tells more. */
  change_workflow_id: z.string().nullable(),
  /** The operation that a phase runs now: what it waits for is decided there. */
  step_workflow_id: z.string().nullable().optional(),
  /** Set as soon as a caller can be answered, also while the operation waits for a decision. */
  answer: Response.nullable(),
});
export type OperationState = z.infer<typeof OperationState>;
