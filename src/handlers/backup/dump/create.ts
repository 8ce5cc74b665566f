/** Takes a backup by a dump: what is the same for every database system. */
import type { BackupRecord } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';
import { barrier } from '../../barrier.js';
import type { ConnectionTarget, DatabaseHandler, DatabaseIdentity } from '../../database/contract.js';
import type { BackupOptions, Pieces, Store, StoredFacts, Take } from '../contract.js';
import { reasonOf } from './broken-pipe.js';
import { checkBackup } from './check.js';
import { chooseCompression, compressor, packedName, unpackCommand } from './compression.js';
import type { Program } from './process.js';
import { writeText } from './small-files.js';
import { pipe } from './stream.js';

/** What a database system's dump says of itself for the manifest. */
export interface Dumped extends Pick<BackupRecord, 'format' | 'tables' | 'snapshot'> {
  more?: Pick<BackupRecord, 'extensions' | 'extension_versions' | 'structure_sha256'>;
  /** Small files beside the dump: their texts by their names (`structure.json`). */
  beside: Readonly<Record<string, string>>;
  /**
   * Shell commands that restore without faber-db.
   * @param dump a shell command that writes the unpacked dump to stdout
   */
  restoreCommands(dump: string): string[];
}

/**
 * Packs what the program writes to stdout, or the function gives, and stores it as the one dump of a backup.
 * @throws PipeFailed, FaberError store_unavailable, the reason of the signal
 */
export type WriteDump = (source: Program | Pieces, signal: AbortSignal) => Promise<void>;

/**
 * Begins the backup, has `dump` write its file, checks that, and commits the manifest.
 * @param name of the dump before it is packed (`dump.pgc`)
 * @throws FaberError backup_failed with `result.backup_error`; nothing is left behind then.
 */
export async function createDump(
  database: DatabaseHandler,
  target: ConnectionTarget,
  store: Store,
  options: BackupOptions,
  name: string,
  dump: (write: WriteDump, identity: DatabaseIdentity) => Promise<Dumped>,
): Promise<BackupRecord> {
  const finished = await finishedBackup(store, options.backupId);
  if (finished) return finished;
  const begun = performance.now();
  const { backupId, signal } = options;
  try {
    const identity = await database.identify(target);
    const compression = await chooseCompression(options.settings.backup.compression);
    const pack = (await compressor(compression))?.pack ?? null;
    await store.beginBackup(backupId);
    let stored: StoredFacts | null = null;
    const write: WriteDump = async (source, until) => {
      let bytes = 0;
      stored = await store.writeFile(backupId, packedName(name, compression), { signal: until, expectedBytes: identity.sizeBytes }, async (take) => {
        const counted: Take = async (piece) => {
          await take(piece);
          bytes += piece.length;
          options.onProgress?.(bytes);
        };
        await pipe(source, pack, counted, until);
        await barrier('in-dump', until);
      });
    };
    const dumped = await dump(write, identity);
    if (stored === null) throw new Error('The dump was not written');
    const { file, ...facts } = stored as StoredFacts;
    const { before, read } = store.shell(backupId, file, facts.sha256);
    const record: BackupRecord = {
      manifest_version: 1,
      backup_id: backupId,
      environment: options.settings.environment,
      identity: identity.identity,
      database: identity.database,
      provider: database.provider,
      server_version: identity.serverVersion,
      created_at: new Date().toISOString(),
      store_id: store.id,
      file,
      format: dumped.format,
      compression,
      ...facts,
      level: 'checked',
      proven_at: null,
      tables: dumped.tables,
      ...dumped.more,
      ledger_digest: options.ledgerDigest,
      ...(options.ledger && { ledger: options.ledger }),
      ...(options.incompleteState && { incomplete_state: options.incompleteState }),
      snapshot: dumped.snapshot,
      label: options.label,
      reason: options.reason,
      operation_id: options.operationId,
      duration_seconds: Math.round(performance.now() - begun) / 1000,
      restore_commands: [...before, ...dumped.restoreCommands([read, unpackCommand(compression)].filter(Boolean).join(' | '))],
    };
    await checkBackup(store, record, signal);
    for (const [beside, text] of Object.entries(dumped.beside)) await writeText(store, backupId, beside, text, signal);
    await store.commitBackup(record);
    return record;
  } catch (error) {
    // A store that went away cannot be tidied; the next attempt of this id does it.
    await store.abandonBackup(backupId).catch(() => undefined);
    throw backupFailed(error, target, signal);
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
