import type { BackupRecord, BackupSummary } from '../contract/backup.js';
import { FaberError } from '../contract/failure.js';
import type { Settings } from '../contract/settings.js';
import { openBackups, summarizeBackup } from './backups.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { noteNeed } from './needs.js';

/** The backup with this id, or the newest of the environment's database. @throws FaberError backup_not_found, backup_unusable */
export async function findBackup(deps: Dependencies, input: { settings: Settings; backup_id: string | null }): Promise<BackupSummary> {
  const { settings, backup_id } = input;
  return withHeartbeat(async () => {
    const { store, database, target } = await openBackups(deps, settings);
    if (backup_id === null) {
      const { identity } = await database.identify(target);
      const newest = (await store.listBackups(settings.environment)).backups.find((record) => record.identity === identity);
      if (newest) return summarizeBackup(newest);
      throw new FaberError({
        code: 'backup_not_found',
        message: `There is no backup of ${settings.environment} in the store ${store.location}`,
        suggestions: [`Take one: faber-db backup ${settings.environment}`],
      });
    }
    const record = await store.getBackup(backup_id);
    if (record.environment === settings.environment) return summarizeBackup(record);
    throw new FaberError({
      code: 'backup_unusable',
      message: `${backup_id} is a backup of '${record.environment}', not of '${settings.environment}'`,
      suggestions: [`faber-db verify ${record.environment} ${backup_id}`],
    });
  });
}

/**
 * Reads the backup to the end and really restores it into a scratch database. One that fails is marked and counts as a good one
 * no more; one that was marked and restores now is no longer. Safe to attempt again.
 * @throws FaberError backup_unusable; backup_failed where it could not be tried
 */
export async function verifyBackup(deps: Dependencies, input: { settings: Settings; backup_id: string; operation_id: string }): Promise<BackupSummary> {
  const { settings, backup_id, operation_id } = input;
  return withHeartbeat(async (running) => {
    const { target, store, backups, database } = await openBackups(deps, settings);
    await noteNeed(store, settings, operation_id, { backups: [backup_id] });
    const { unusable: _, ...record } = await store.getBackup(backup_id);
    const restore = async () => {
      running.progress(`Restoring ${backup_id} into a scratch database`);
      return backups.prove(target, store, record, running.signal, running.progress, operation_id);
    };
    running.progress(`Reading ${backup_id} to the end`);
    const checked = await outcomeOf(backups.check(store, record, running.signal));
    if (checked.failed?.code === 'backup_unusable') return markUnusable(store, record, checked.failed);
    if (checked.failed) throw checked.failed;
    const restored = await outcomeOf(restore());
    if (!restored.failed) return summarizeBackup(restored.value);
    // A server that restarts in the middle fails a restore as well: only what fails twice is the backup's fault.
    const again = await outcomeOf(restore());
    if (!again.failed) return summarizeBackup(again.value);
    if ([restored, again].some(({ failed }) => failed?.code !== 'backup_unusable')) throw again.failed;
    // On another server than its own a role or an extension may be all that is missing.
    if (record.identity !== (await database.identify(target)).identity) throw again.failed;
    return markUnusable(store, record, again.failed);
  });
}

type Outcome<T> = { failed: FaberError } | { failed: null; value: T };

/** Everything but an unusable backup, and one that could not be tried, is thrown. */
async function outcomeOf<T>(work: Promise<T>): Promise<Outcome<T>> {
  try {
    return { failed: null, value: await work };
  } catch (error) {
    if (error instanceof FaberError && (error.code === 'backup_unusable' || error.code === 'backup_failed')) return { failed: error };
    throw error;
  }
}

async function markUnusable(store: { updateBackup(record: BackupRecord): Promise<void> }, record: BackupRecord, failed: FaberError): Promise<never> {
  await store.updateBackup({ ...record, unusable: { found_at: new Date().toISOString(), reason: failed.message } });
  throw new FaberError({
    code: 'backup_unusable',
    message: `${failed.message}. It is marked, and retention does not count it as a good one`,
    ...(failed.result ? { result: failed.result } : {}),
    suggestions: [`Take a new backup now: faber-db backup ${record.environment}`, `Older ones: faber-db list-backups ${record.environment}`],
  });
}
