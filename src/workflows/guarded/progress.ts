/** The state of an operation as people see it: phases, lines, the answer. Plain data; the workflow owns the wiring. */
import type { PlanSummary, RecordedDecision, RefusedDecision, Response } from '../../contract/index.js';
import type { OperationState, Phase, ProgressLine } from '../../contract/view.js';

const KEPT_LINES = 40;

export class Progress {
  phase: Phase = 'planning';
  environment = '';
  plan: PlanSummary | null = null;
  approvalDeadline: string | null = null;
  waitingBehind: string[] = [];
  changeWorkflowId: string | null = null;
  stepWorkflowId: string | null = null;
  answer: Response | null = null;
  #lines: ProgressLine[] = [];
  #total = 0;

  constructor(
    readonly operation: string,
    readonly requestedBy: string,
  ) {}

  enter(phase: Phase, message: string): void {
    this.phase = phase;
    this.note(message);
  }

  note(message: string): void {
    this.#lines.push({ at: new Date().toISOString(), phase: this.phase, message });
    this.#total += 1;
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
  }

  view(decisions: { approvals: RecordedDecision[]; refused: RefusedDecision[]; refusedCount: number }): OperationState {
    return {
      operation: this.operation,
      environment: this.environment,
      requested_by: this.requestedBy,
      phase: this.phase,
      plan: this.plan,
      approval_deadline: this.approvalDeadline,
      approvals: decisions.approvals,
      refused: decisions.refused,
      refused_count: decisions.refusedCount,
      waiting_behind: this.waitingBehind,
      progress: this.#lines,
      progress_total: this.#total,
      change_workflow_id: this.changeWorkflowId,
      ...(this.stepWorkflowId === null ? {} : { step_workflow_id: this.stepWorkflowId }),
      answer: this.answer,
    };
  }
}
