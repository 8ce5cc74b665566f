/** What a change is given, what it answers, and what its parts share. */
import type { BeginInput, ChangeRef } from '../../activities/contract.js';
import type { PlanSummary, RecordedDecision, RefusedDecision, Resolution, Response, Settings } from '../../contract/index.js';
import type { About, Notifier } from './notifier.js';
import type { Progress } from './progress.js';
import type { Steps } from './steps.js';
import type { WayOutChoice } from './way-out.js';

export interface ChangeInput {
  operation_id: string;
  operation: string;
  request_digest: string;
  requested_by: string;
  settings: Settings;
  plan: PlanSummary;
  identity_digest: string;
  approvals: RecordedDecision[];
  refused: RefusedDecision[];
  resolve: Resolution;
  started_at: number;
  /** The workflow that notifies, once there is one. */
  notifier?: string | null;
}

export type ChangeResult =
  | { kind: 'plan_changed'; plan: PlanSummary; differences: string[]; nothing_to_do: boolean }
  | { kind: 'answered'; answer: Response };

/** Everything that the parts of one change share. */
export interface Change {
  /** Whether the target may have a row of this operation, to be ended. */
  mayHaveBegun: boolean;
  input: ChangeInput;
  ref: ChangeRef;
  steps: Steps;
  progress: Progress;
  wayOut: WayOutChoice;
  notifier: Notifier;
  /** Whether the application has gone on with the changed database: from then on nothing that it wrote may be lost. */
  watched: boolean;
}

export function beginOf({ ref, input }: Change): BeginInput {
  return { ...ref, request_digest: input.request_digest, requested_by: input.requested_by, write_marker: input.approvals.length > 0 };
}

export function aboutOf(input: ChangeInput): About {
  return { operationId: input.operation_id, operation: input.operation, settings: input.settings, requestedBy: input.requested_by };
}
