import { FaberError } from '../contract/failure.js';
import type { BackupRecord, BackupSummary } from '../contract/backup.js';
import type { Response } from '../contract/response.js';
import type { Settings } from '../contract/settings.js';
import type { BackupInput, BackupOutcome } from './contract.js';
import { openResources, type Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { requestFor } from './load-operation.js';

export function summarizeBackup(record: BackupRecord): BackupSummary {
  const { backup_id, environment, identity, created_at, size_bytes, sha256, level, store_id, label, reason, operation_id, duration_seconds } = record;
  return {
    backup_id, environment, identity, created_at, size_bytes, sha256, level, store_id, label, reason, operation_id, duration_seconds,
    tables: record.tables.length,
    rows: record.tables.reduce((sum, t) => sum + t.rows, 0),
  };
}

async function openBackups(deps: Dependencies, settings: Settings) {
  const resources = openResources(deps, settings);
  return { ...resources, store: await deps.openStore(settings), backups: deps.backups(settings.provider, resources.database) };
}

/** Dumps under the given id. Safe to attempt again: a finished backup of this operation and id is returned as it is. */
export async function createBackup(deps: Dependencies, input: BackupInput): Promise<BackupOutcome> {
  const { settings } = input;
  return withHeartbeat(async (running) => {
    const { target, store, backups, migrations } = await openBackups(deps, settings);
    const there = await store.getBackup(input.backup_id).catch((error: unknown) => {
      if (error instanceof FaberError && error.code === 'backup_not_found') return null;
      throw error;
    });
    if (there !== null && there.operation_id !== input.operation_id) return { kind: 'id_taken' };
    const ledger = await migrations.readLedger(target, settings).catch(() => null);
    const record = await backups.create(target, store, {
      settings, backupId: input.backup_id, operationId: input.operation_id, label: input.label, reason: input.reason,
      ledgerDigest: ledger?.digest ?? null, signal: running.signal,
      onProgress: (bytes) => running.progress(`Dumped ${Math.round(bytes / 1024)} KiB`),
    });
    return { kind: 'created', backup: summarizeBackup(record) };
  });
}

/** Removes what an unfinished backup left in the store. A finished one is left alone. */
export async function abandonBackup(deps: Dependencies, input: { settings: Settings; backup_id: string }): Promise<void> {
  await withHeartbeat(async () => (await deps.openStore(input.settings)).abandonBackup(input.backup_id));
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

/** The backups in the store of one environment. */
export async function listBackups(deps: Dependencies, input: { request: unknown }): Promise<Response> {
  const request = requestFor('list-backups', input.request);
  const { environment, working_directory } = request.parameters as { environment?: string; working_directory: string };
  const settings = await deps.loadSettings(working_directory, environment);
  const store = await deps.openStore(settings);
  const { backups, damaged } = await store.listBackups(environment);
  return {
    status: 'success',
    operation: 'list-backups',
    ...(environment === undefined ? {} : { environment }),
    result: { backups: backups.slice(0, 200).map(summarizeBackup), total: backups.length, damaged, store: store.location },
    message: `${backups.length} backup(s)`,
  };
}
