/**
 * The store in a local folder:
 *
 *     store.json                        the id of the store
 *     artifacts/<sha256>                plans and migrations, by content
 *     backups/<backup_id>/dump.pgc.zst  + manifest.json, written last
 *     audit/audit.jsonl                 one line an operation
 *     errors/                           unmasked error text
 *     references/                       what operations that have not ended need
 *
 * Folders have mode 0700, files 0600; every file appears whole or not at all.
 */
import { join } from 'node:path';
import type { BackupRecord } from '../../../contract/backup.js';
import type { Settings } from '../../../contract/settings.js';
import { shellWord } from '../../../contract/shell-word.js';
import type { Pieces, Store, StoredFacts, Take } from '../contract.js';
import { freeBytes } from '../dump/free-space.js';
import type { Sealing } from '../encryption/sealing.js';
import { getArtifact, putArtifact } from './artifacts.js';
import { appendAuditLine } from './audit-log.js';
import { abandonBackup, beginBackup, getBackup, listBackups, type StorePlace, writeManifest } from './backups.js';
import { makeFolder, writeDurably } from './durable.js';
import { openIdentity } from './identity.js';
import { readBackupFile, writeBackupFile } from './backup-files.js';
import { backupFolder, errorDetailPath } from './names.js';
import { forget, refer, type Reference, references } from './references.js';
import { artifacts, errorDetails, leftovers, removeArtifact, removeBackup, removeErrorDetail, removeLeftover, type StoredFile } from './removal.js';
import { storeUnavailable } from './unavailable.js';

const FOLDERS = ['artifacts', 'backups', 'audit', 'errors', 'references'];

class LocalStore implements Store {
  readonly id: string;
  readonly location: string;

  constructor(private readonly place: StorePlace, private readonly sealing: Sealing) {
    this.id = place.id;
    this.location = place.location;
  }

  putArtifact(bytes: Uint8Array): Promise<string> {
    return this.guarded('write an artifact', () => putArtifact(this.location, bytes));
  }

  getArtifact(sha256: string): Promise<Uint8Array> {
    return this.guarded('read an artifact', () => getArtifact(this.location, sha256));
  }

  appendAudit(record: { record_id: string }): Promise<void> {
    return this.guarded('write the audit log', () => appendAuditLine(this.location, record));
  }

  putErrorDetail(operationId: string, text: string): Promise<string> {
    const path = errorDetailPath(this.location, operationId, text);
    return this.guarded('keep the details of an error', async () => {
      await writeDurably(path, text, 'replace');
      return path;
    });
  }

  beginBackup(backupId: string): Promise<void> {
    return this.guarded('begin a backup', () => beginBackup(this.place, backupId));
  }

  commitBackup(record: BackupRecord): Promise<void> {
    return this.guarded('write a manifest', () => writeManifest(this.place, record));
  }

  updateBackup(record: BackupRecord): Promise<void> {
    return this.guarded('write a manifest', async () => {
      await getBackup(this.place, record.backup_id);
      await writeManifest(this.place, record);
    });
  }

  abandonBackup(backupId: string): Promise<void> {
    return this.guarded('remove an unfinished backup', () => abandonBackup(this.place, backupId));
  }

  getBackup(backupId: string): Promise<BackupRecord> {
    return this.guarded('read a manifest', () => getBackup(this.place, backupId));
  }

  listBackups(environment?: string): Promise<{ backups: BackupRecord[]; damaged: string[] }> {
    return this.guarded('list the backups', () => listBackups(this.place, environment));
  }

  writeFile(backupId: string, name: string, { signal }: { signal: AbortSignal }, give: Pieces): Promise<StoredFacts> {
    return this.sealing.write(name, give, (stored, sealed) => writeBackupFile(this.location, backupId, stored, signal, sealed));
  }

  readFile(record: BackupRecord, name: string, take: Take, signal: AbortSignal): Promise<void> {
    return this.sealing.read(record, name, take, (stored, opened) => readBackupFile(this.location, record, stored, signal, opened));
  }

  shell(backupId: string, file: string, sha256: string): { before: string[]; read: string } {
    const opened = this.sealing.shell(`cat ${shellWord(`./${file}`)}`, file);
    return {
      before: [`cd -- ${shellWord(backupFolder(this.location, backupId))}`, `echo ${shellWord(`${sha256}  ./${file}`)} | sha256sum --check --quiet`, ...opened.before],
      read: opened.read,
    };
  }

  /** Opening it has made every folder; room is asked for by `freeBytes`. */
  preflight(): Promise<void> {
    return this.sealing.requireKey();
  }

  freeBytes(): Promise<number | null> {
    return freeBytes(this.location);
  }

  refer(reference: Reference): Promise<void> {
    return this.guarded('note what an operation needs', () => refer(this.location, reference));
  }

  references(): Promise<Reference[]> {
    return this.guarded('read what operations need', () => references(this.location));
  }

  forget(operationId: string): Promise<void> {
    return this.guarded('forget what an operation needed', () => forget(this.location, operationId));
  }

  removeBackup(backupId: string, isWanted: () => Promise<boolean>): Promise<number | null> {
    return this.guarded('remove a backup', () => removeBackup(this.location, backupId, isWanted));
  }

  artifacts(): Promise<StoredFile[]> {
    return this.guarded('list the artifacts', () => artifacts(this.location));
  }

  removeArtifact(sha256: string, isWanted: () => Promise<boolean>): Promise<number | null> {
    return this.guarded('remove an artifact', () => removeArtifact(this.location, sha256, isWanted));
  }

  errorDetails(operationIds: readonly string[]): Promise<StoredFile[]> {
    return this.guarded('list the details of errors', () => errorDetails(this.location, operationIds));
  }

  removeErrorDetail(name: string): Promise<void> {
    return this.guarded('remove the details of an error', () => removeErrorDetail(this.location, name));
  }

  leftovers(untouchedMs: number): Promise<{ path: string; bytes: number }[]> {
    return this.guarded('look for left-overs', () => leftovers(this.location, untouchedMs));
  }

  removeLeftover(path: string): Promise<void> {
    return this.guarded('remove left-overs', () => removeLeftover(path));
  }

  private async guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw storeUnavailable(doing, this.location, error);
    }
  }
}

/**
 * Opens the local store at `settings.backup.location`; an empty or missing folder becomes one.
 * @throws FaberError store_unavailable: not writable, other files in it, damaged store.json.
 */
export async function openLocalStore(settings: Settings, sealing: Sealing): Promise<Store> {
  const { location } = settings.backup;
  try {
    const place = await openIdentity(location);
    for (const folder of FOLDERS) await makeFolder(join(place.location, folder));
    return new LocalStore(place, sealing);
  } catch (error) {
    throw storeUnavailable('open a store', location, error);
  }
}
