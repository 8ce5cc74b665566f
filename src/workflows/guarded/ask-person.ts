/** Where nothing undoes a failure safely: a person is asked, and the change waits for as long as it takes. */
import { getExternalWorkflowHandle, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { verificationWords } from '../../contract/decision.js';
import type { ErrorResponse, Response, RollbackReport } from '../../contract/index.js';
import { changeAnswerSignal } from '../messages.js';
import { aboutOf, type Change } from './change-parts.js';
import { operationDetails } from './details.js';
import { decided, decisionWaiting } from './notification-texts.js';
import { decidedBy, verifyBy } from './verify-decisions.js';
import type { Choice } from './way-out.js';

/** Answers the caller at once and waits for a person, the lock kept. */
export async function askPerson(change: Change, answer: ErrorResponse, rollback: Pick<RollbackReport, 'waiting_for' | 'costs'>): Promise<Choice> {
  const { input, progress, wayOut } = change;
  const ways = rollback.waiting_for ?? [];
  wayOut.offer(ways, input.plan.plan_hash);
  progress.enter('waiting_for_decision', `Stopped, waiting for a person: ${ways.join(', ')}`);
  progress.answer = answer;
  showDetails(change);
  await tellOperation(input.operation_id, answer);
  const { said, remind } = decisionWaiting(aboutOf(input), input.plan, answer, rollback);
  void change.notifier.tell(said, remind);
  const about = { approval: input.settings.approval, operation_id: input.operation_id, run_id: workflowInfo().parent?.runId ?? '', plan_hash: input.plan.plan_hash, not_before: wayOut.askedAt };
  await decidedBy(wayOut, () => wayOut.chosen, verifyBy(change.steps, about));
  const choice = wayOut.take();
  progress.answer = null;
  progress.note(`Decided: ${choice.choice} by ${choice.decision.by} (${verificationWords(choice.decision)})`);
  await tellOperation(input.operation_id, null);
  void change.notifier.tell(decided(aboutOf(input), choice.choice, choice.decision));
  return choice;
}

/** The operation may be gone (terminated); the change goes on without it. */
async function tellOperation(operationId: string, answer: Response | null): Promise<void> {
  try {
    await getExternalWorkflowHandle(operationId).signal(changeAnswerSignal, { workflow_id: workflowInfo().workflowId, answer });
  } catch {
    // Nobody to tell: the change's own state has the answer.
  }
}

/** What the Web UI shows of the change. */
export function showDetails(change: Change): void {
  const { input, progress, wayOut } = change;
  const state = progress.view({ approvals: input.approvals, refused: wayOut.refusals.last, refusedCount: wayOut.refusals.count });
  setCurrentDetails(operationDetails(state, input.settings, { workflowId: workflowInfo().workflowId, namespace: workflowInfo().namespace }));
}
