/** The backup of a change, and the one of the operation `backup`. */
import { CancellationScope } from '@temporalio/workflow';
import type { BackupLevel, BackupSummary, Settings } from '../../contract/index.js';
import type { Change } from './change-parts.js';
import { endedByCancel, factsOf, type Steps } from './steps.js';

/** After approval and under the lock, never before: a backup taken before a two-day wait protects nothing. */
export async function backUp(change: Change): Promise<BackupSummary | null> {
  const { input, steps, progress } = change;
  const { settings, plan } = input;
  if (plan.evidence.backup === 'none') return null;
  progress.enter('backing_up', 'Backing up');
  try {
    const { backup: made } = await createBackup(steps, { operation_id: input.operation_id, settings, label: null, reason: `before ${input.operation}` });
    let backup = made;
    if (plan.evidence.backup === 'proven' && made.level !== 'proven') {
      progress.enter('verifying_backup', `Restoring ${made.backup_id} into a scratch database to prove it`);
      backup = await steps.changing.proveBackup({ settings, backup_id: made.backup_id });
    }
    await steps.reading.confirmBackup({ settings, backup });
    progress.note(`Backup ${backup.backup_id}: ${backup.level}, ${backup.size_bytes} bytes, ${backup.rows === null ? 'rows not counted' : `${backup.rows} rows`}`);
    return backup;
  } catch (error) {
    // For a restore a failed safety backup is a finding, not a stop: the database may be broken already.
    if (plan.restore === null || endedByCancel(error)) throw error;
    progress.note(`No safety backup: ${factsOf(error).message}`);
    return null;
  }
}

/** Takes a backup under the first id that is free: ids have the resolution of a second. */
export async function createBackup(
  steps: Steps,
  input: { operation_id: string; settings: Settings; label: string | null; reason: string | null },
): Promise<{ backup: BackupSummary; level: BackupLevel }> {
  for (let offset = 0; ; offset += 1) {
    const backup_id = backupId(Date.now() + offset * 1000, input.label);
    try {
      const outcome = await steps.changing.createBackup({ ...input, backup_id });
      if (outcome.kind === 'created') return outcome;
    } catch (error) {
      // An attempt that died has left files, and none follows that would replace them.
      await CancellationScope.nonCancellable(() => steps.changing.abandonBackup({ settings: input.settings, backup_id, operation_id: input.operation_id }).catch(() => undefined));
      throw error;
    }
  }
}

function backupId(atMs: number, label: string | null): string {
  const digits = new Date(atMs).toISOString().replace(/\D/g, '');
  return `backup-${digits.slice(0, 8)}-${digits.slice(8, 14)}${label === null ? '' : `-${label}`}`;
}
