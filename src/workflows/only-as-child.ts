import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';

/**
 * For workflows that only an operation may start: their input is then ours, and nobody goes round the plan and its approval.
 * @throws ApplicationFailure invalid_request
 */
export function onlyAsChild(): void {
  const { parent, workflowType } = workflowInfo();
  if (parent !== undefined) return;
  throw ApplicationFailure.create({ message: `${workflowType} runs as a part of an operation only; start the operation`, type: 'invalid_request', nonRetryable: true });
}
