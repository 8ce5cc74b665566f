/** The clean-up as a step: of the operation cleanup-backups, and after a backup. */
import { proxyActivities } from '@temporalio/workflow';
import type { ChangingActivities } from '../activities/contract.js';
import type { BackupResult, CleanupResult, Settings } from '../contract/index.js';
import { factsOf } from './guarded/steps.js';

/** After a backup that has succeeded: whatever goes wrong here, that one is there. */
export async function cleanUpAfterBackup(settings: Settings): Promise<NonNullable<BackupResult['cleanup']>> {
  try {
    const { removed, failed, freed_bytes } = await cleanUp(settings, true);
    if (failed.length > 0) return { error: `${failed[0]!.id} could not be removed: ${failed[0]!.reason}` };
    return { removed: removed.map(({ id }) => id), freed_bytes };
  } catch (error) {
    return { error: factsOf(error).message };
  }
}

/** Few attempts: the next run does what this one could not. */
export function cleanUp(settings: Settings, apply: boolean): Promise<CleanupResult> {
  const { cleanUpBackups: remove } = proxyActivities<Pick<ChangingActivities, 'cleanUpBackups'>>({
    ...(settings.task_queue ? { taskQueue: settings.task_queue } : {}),
    startToCloseTimeout: '1 hour',
    heartbeatTimeout: `${settings.safety.heartbeat_timeout_seconds} seconds`,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '1 second', maximumAttempts: 3 },
  });
  return remove({ settings, apply });
}
