import { workflowInfo } from '@temporalio/workflow';
import type { OperationInput, Response } from '../contract/index.js';
import { endOperation } from './guarded/end.js';
import { StopHere, stepsOn } from './guarded/steps.js';
import { cleanUp } from './retention.js';
import { unguarded } from './unguarded.js';

/** What retention would remove, with the reason of each that stays; with `apply` it is removed. */
export async function cleanUpBackups(input: OperationInput): Promise<Response> {
  const startedAt = Date.now();
  return unguarded('cleanup-backups', input, async ({ settings, request }, progress) => {
    const { apply } = request.parameters as { apply: boolean };
    progress.enter('checking', apply ? 'Removing what retention takes' : 'Looking what retention would take');
    const result = await cleanUp(settings, apply);
    if (result.failed.length > 0) {
      throw new StopHere({
        code: 'store_unavailable',
        message: `${result.failed.length} of ${result.removed.length + result.failed.length} could not be removed: ${result.failed[0]!.id}: ${result.failed[0]!.reason}`,
        result,
        suggestions: ['The next clean-up tries again'],
      });
    }
    const answer: Response = {
      status: 'success', operation: 'cleanup-backups', environment: settings.environment, result,
      message: `${result.removed.length} ${apply ? 'removed' : 'would be removed'}, ${result.kept.length} kept, by a retention of ${result.retention_days} days`,
    };
    await endOperation(stepsOn(settings), {
      operationId: workflowInfo().workflowId, operation: 'cleanup-backups', settings, requestedBy: progress.requestedBy, startedAt,
      planHash: null, decisions: [], refused: [], began: false, backup: null, applied: 0, answer,
    }, progress);
    return answer;
  });
}
