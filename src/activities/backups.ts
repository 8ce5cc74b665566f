import { FaberError } from '../contract/failure.js';
import { countedIn, type BackupRecord, type BackupSummary, type LedgerState } from '../contract/backup.js';
import type { Settings } from '../contract/settings.js';
import { levelFor, type Store } from '../handlers/backup/contract.js';
import type { Ledger } from '../handlers/migration/contract.js';
import type { BackupInput, BackupOutcome } from './contract.js';
import { openResources, type Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { noteNeed } from './needs.js';

export function summarizeBackup(record: BackupRecord): BackupSummary {
  const {
    backup_id, environment, identity, created_at, size_bytes, sha256, level, proven_at, store_id, label, reason, operation_id, duration_seconds,
    encryption, ledger, incomplete_state, unusable,
  } = record;
  return {
    backup_id, environment, identity, created_at, size_bytes, sha256, level, proven_at, store_id, label, reason, operation_id, duration_seconds,
    ...(encryption && { encryption }), ...(ledger && { ledger }), ...(incomplete_state !== undefined && { incomplete_state }), ...(unusable && { unusable }),
    ...(countedIn(record) ?? { tables: null, rows: null }),
  };
}

export async function openBackups(deps: Dependencies, settings: Settings) {
  const resources = await openResources(deps, settings);
  return { ...resources, store: await deps.openStore(settings), backups: await deps.backups(settings, resources.database) };
}

/** Dumps under the given id. Safe to attempt again: a finished backup of this operation and id is returned as it is. */
export async function createBackup(deps: Dependencies, input: BackupInput): Promise<BackupOutcome> {
  const { settings } = input;
  return withHeartbeat(async (running) => {
    const { target, store, backups, migrations, database } = await openBackups(deps, settings);
    const there = await backupIn(store, input.backup_id);
    if (there !== null && there.operation_id !== input.operation_id) return { kind: 'id_taken' };
    // A change that it was taken for may go back to it.
    await noteNeed(store, settings, input.operation_id, { backups: [input.backup_id] });
    const ledger = await migrations.readLedger(target, settings).catch(() => null);
    const others = (await database.bookkeeping.unfinished(target).catch(() => [])).filter((row) => row.operation_id !== input.operation_id);
    const record = await createUnlessTaken(() => backups.create(target, store, {
      settings, backupId: input.backup_id, operationId: input.operation_id, label: input.label, reason: input.reason,
      ledgerDigest: ledger?.digest ?? null, ledger: ledger?.exists ? ledgerState(ledger) : null, incompleteState: others[0]?.operation_id ?? null, signal: running.signal,
      onProgress: (bytes) => running.progress(`Dumped ${Math.round(bytes / 1024)} KiB`),
      onPercent: (percent, name) => running.progress(`Snapshot ${name}: ${percent} %`),
      onWait: running.progress,
    }));
    if (record === null) return { kind: 'id_taken' };
    const { sizeBytes } = await database.identify(target);
    return { kind: 'created', backup: summarizeBackup(record), level: levelFor(settings, sizeBytes) };
  });
}

async function backupIn(store: Store, backupId: string): Promise<BackupRecord | null> {
  try {
    return await store.getBackup(backupId);
  } catch (error) {
    if (error instanceof FaberError && error.code === 'backup_not_found') return null;
    throw error;
  }
}

/** @returns null when another operation is taking a backup under this id right now, which the store does not know yet */
async function createUnlessTaken(create: () => Promise<BackupRecord>): Promise<BackupRecord | null> {
  try {
    return await create();
  } catch (error) {
    if (error instanceof FaberError && error.result?.['id_taken'] === true) return null;
    throw error;
  }
}

function ledgerState({ rows }: Ledger): LedgerState {
  const applied = rows.filter((row) => row.finished_at !== null && row.rolled_back_at === null);
  const failed = rows.filter((row) => row.finished_at === null && row.rolled_back_at === null);
  return { applied: applied.length, last: applied.at(-1)?.name ?? null, failed: failed.slice(0, 10).map((row) => row.name) };
}

/** Removes what an unfinished backup left in the store. A finished one is left alone. */
export async function abandonBackup(deps: Dependencies, input: { settings: Settings; backup_id: string; operation_id?: string }): Promise<void> {
  await withHeartbeat(async () => {
    const { store, backups } = await openBackups(deps, input.settings);
    if ((await backupIn(store, input.backup_id)) !== null) return;
    await store.abandonBackup(input.backup_id);
    if (input.operation_id !== undefined) await backups.abandon?.(store, input.backup_id, input.operation_id);
  });
}

/** Restores the backup into a scratch database, compares row counts, and raises its level to proven. */
export async function proveBackup(deps: Dependencies, input: { settings: Settings; backup_id: string }): Promise<BackupSummary> {
  return withHeartbeat(async (running) => {
    const { target, store, backups } = await openBackups(deps, input.settings);
    return summarizeBackup(await backups.prove(target, store, await store.getBackup(input.backup_id), running.signal, running.progress));
  });
}

/** A backup on a dead host is no backup: found with size and sha256 as recorded, from where a restore would run. */
export async function confirmBackup(deps: Dependencies, input: { settings: Settings; backup: BackupSummary }): Promise<void> {
  const { backup, settings } = input;
  await withHeartbeat(async (running) => {
    const { store, backups } = await openBackups(deps, settings);
    if (store.id !== backup.store_id) {
      throw new FaberError({
        code: 'store_unavailable',
        message: `The store at ${store.location} on this worker is not the one that holds ${backup.backup_id}`,
        suggestions: ['Workers of one task queue must share backup.location, or be given a task queue of their own'],
      });
    }
    const record = await store.getBackup(backup.backup_id);
    if (record.sha256 !== backup.sha256 || record.size_bytes !== backup.size_bytes) {
      throw new FaberError({ code: 'backup_unusable', message: `${backup.backup_id} is not as it was recorded` });
    }
    await backups.check(store, record, running.signal);
  });
}
