/** Takes a backup: a dump and the row counts of one and the same snapshot. */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupRecord } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import type { BackupOptions, Store } from '../../contract.js';
import { syncFolder, temporaryBeside, writeDurably } from '../../store/durable.js';
import { reasonOf } from './broken-pipe.js';
import { checkBackup } from './check.js';
import { chooseCompression, compressor, dumpFileName } from './compression.js';
import { findPrograms } from './programs.js';
import { PROPERTIES_FILE } from '../../../database/postgresql/beside/properties.js';
import { restoreCommands } from './restore-commands.js';
import { dumpInSnapshot } from './snapshot.js';
import { streamToFile } from './stream.js';
import { STRUCTURE_FILE, structureFile } from './structure.js';

/** @throws FaberError backup_failed with `result.backup_error`; nothing is left behind then. */
export async function createBackup(database: DatabaseHandler, target: ConnectionTarget, store: Store, options: BackupOptions): Promise<BackupRecord> {
  const finished = await finishedBackup(store, options.backupId);
  if (finished) return finished;
  const begun = performance.now();
  try {
    const identity = await database.identify(target);
    const programs = await findPrograms(identity.serverMajor);
    const compression = await chooseCompression(options.settings.backup.compression);
    const { directory } = await store.beginBackup(options.backupId);
    const file = dumpFileName(compression);
    const dumped = await dumpInSnapshot(database, target, programs, options, async (producer, signal) => {
      const temporary = temporaryBeside(join(directory, file));
      try {
        const written = await streamToFile(producer, await compressor(compression), temporary, signal, options.onProgress);
        await barrier('in-dump', signal);
        await rename(temporary, join(directory, file));
        await syncFolder(directory);
        return written;
      } finally {
        await rm(temporary, { force: true });
      }
    });
    const facts = { database: identity.database, file, compression, sha256: dumped.written.sha256 };
    const structure = structureFile(dumped.structure);
    const record: BackupRecord = {
      manifest_version: 1,
      backup_id: options.backupId,
      environment: options.settings.environment,
      identity: identity.identity,
      ...facts,
      provider: database.provider,
      server_version: identity.serverVersion,
      created_at: new Date().toISOString(),
      store_id: store.id,
      format: 'pg_dump-custom',
      size_bytes: dumped.written.bytes,
      level: 'checked',
      proven_at: null,
      tables: dumped.tables,
      extensions: dumped.extensions.map(({ name }) => name).sort(),
      extension_versions: dumped.extensions,
      structure_sha256: structure.sha256,
      ledger_digest: options.ledgerDigest,
      ...(options.ledger && { ledger: options.ledger }),
      ...(options.incompleteState && { incomplete_state: options.incompleteState }),
      snapshot: dumped.snapshot,
      label: options.label,
      reason: options.reason,
      operation_id: options.operationId,
      duration_seconds: Math.round(performance.now() - begun) / 1000,
      restore_commands: restoreCommands(facts, directory, dumped.properties),
    };
    await checkBackup(store, record, options.signal);
    await writeDurably(join(directory, PROPERTIES_FILE), `${JSON.stringify(dumped.properties, null, 2)}\n`, 'replace');
    await writeDurably(join(directory, STRUCTURE_FILE), structure.text, 'replace');
    await store.commitBackup(record);
    return record;
  } catch (error) {
    // A store that went away cannot be tidied; the next attempt of this id does it.
    await store.abandonBackup(options.backupId).catch(() => undefined);
    throw backupFailed(error, target, options.signal);
  }
}

async function finishedBackup(store: Store, backupId: string): Promise<BackupRecord | null> {
  try {
    return await store.getBackup(backupId);
  } catch (error) {
    if (error instanceof FaberError && error.code === 'backup_not_found') return null;
    throw error;
  }
}

function backupFailed(error: unknown, target: ConnectionTarget, signal: AbortSignal): FaberError {
  // These say more than "the backup failed", and what to do.
  if (error instanceof FaberError && ['unsupported', 'store_unavailable', 'health_check_failed', 'backup_failed'].includes(error.code)) return error;
  const { reason, suggestions } = reasonOf(error, target.secrets, signal);
  return new FaberError(
    { code: 'backup_failed', message: `The backup of ${target.describe()} could not be taken: ${reason}. Nothing was changed`, result: { backup_error: reason }, suggestions },
    { cause: error },
  );
}
