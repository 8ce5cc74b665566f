import { workflowInfo } from '@temporalio/workflow';
import type { OperationInput, Response } from '../contract/index.js';
import { endOperation } from './guarded/end.js';
import { stepsOn } from './guarded/steps.js';
import { requireReachable, unguarded } from './unguarded.js';

/** The restore drill: a backup, the newest unless one is named, is really restored into a scratch database. */
export async function verifyBackup(input: OperationInput): Promise<Response> {
  const startedAt = Date.now();
  return unguarded('verify-backup', input, async ({ settings, request }, progress) => {
    const { backup_id = null } = request.parameters as { backup_id?: string };
    const steps = stepsOn(settings);
    await requireReachable(steps, settings);
    const found = await steps.reading.findBackup({ settings, backup_id });
    progress.enter('verifying_backup', `Restoring ${found.backup_id} into a scratch database`);
    const operation_id = workflowInfo().workflowId;
    const proven = await steps.changing.verifyBackup({ settings, backup_id: found.backup_id, operation_id });
    const verify_seconds = Math.round((Date.now() - startedAt) / 100) / 10;
    const answer: Response = {
      status: 'success', operation: 'verify-backup', environment: settings.environment, result: { ...proven, verify_seconds },
      message: `${proven.backup_id} restores: ${proven.tables ?? 0} tables, ${proven.rows ?? 0} rows as in its manifest`,
    };
    await endOperation(steps, {
      operationId: operation_id, operation: 'verify-backup', settings, requestedBy: progress.requestedBy, startedAt,
      planHash: null, decisions: [], refused: [], began: false, backup: proven, applied: 0, answer,
    }, progress);
    return answer;
  });
}
