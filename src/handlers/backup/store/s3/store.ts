/**
 * The store in S3, laid out as the local one:
 *
 *     store.json                        the id of the store
 *     artifacts/<sha256>                plans and migrations, by content
 *     backups/<backup_id>/dump.pgc.zst  + manifest.json, written last
 *     audit/<hash of record_id>.json    one line an operation, each an object of its own: S3 knows no appending
 *     errors/                           unmasked error text: a policy can close it to all but a few
 *     references/                       what operations that have not ended need
 *     removed/                          what is on its way out
 *
 * Objects appear whole or not at all, and whoever reads after a write sees it (S3 promises both).
 */
import { createHash } from 'node:crypto';
import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import type { BackupRecord } from '../../../../contract/backup.js';
import type { Settings } from '../../../../contract/settings.js';
import { shellWord } from '../../../../contract/shell-word.js';
import type { Pieces, Store, StoredFacts, Take } from '../../contract.js';
import type { Sealing } from '../../encryption/sealing.js';
import { unusable } from '../../unusable.js';
import { digest, requireIntact } from '../artifacts.js';
import { idTaken, listManifests, manifestText, readManifest } from '../manifest.js';
import { artifactPath, backupFilePath, backupFolder, errorDetailPath, errorDetailPrefix, MANIFEST_FILE } from '../names.js';
import { addedTo, parseReference, type Reference, referenceFile } from '../references.js';
import type { StoredFile } from '../removal.js';
import { download } from './download.js';
import { openIdentity } from './identity.js';
import { atOnce, Objects, writing } from './objects.js';
import { placeOf, programOptions } from './place.js';
import { abortUpload, leftovers, removeArtifact, removeBackup, removeLeftover, storedFiles, unfinishedUploads } from './removal.js';
import { upload } from './upload.js';

class S3Store implements Store {
  readonly location: string;

  constructor(private readonly objects: Objects, readonly id: string, private readonly sealing: Sealing) {
    this.location = objects.place.location;
  }

  async putArtifact(bytes: Uint8Array): Promise<string> {
    const sha256 = digest(bytes);
    // Again if it is there: its age counts from its last use, and a damaged copy is mended.
    await this.objects.put(artifactPath('', sha256), bytes);
    return sha256;
  }

  async getArtifact(sha256: string): Promise<Uint8Array> {
    return requireIntact(this.location, sha256, await this.objects.get(artifactPath('', sha256)));
  }

  async appendAudit(record: { record_id: string }): Promise<void> {
    const name = createHash('sha256').update(record.record_id).digest('hex').slice(0, 32);
    await this.objects.create(`audit/${name}.json`, `${JSON.stringify(record)}\n`);
  }

  async putErrorDetail(operationId: string, text: string): Promise<string> {
    const key = errorDetailPath('', operationId, text);
    await this.objects.put(key, text);
    return `${this.location}/${key}`;
  }

  async beginBackup(backupId: string): Promise<void> {
    if ((await this.#manifest(backupId)) !== null) throw idTaken(backupId);
    await this.#clear(backupId);
  }

  async writeFile(backupId: string, name: string, options: { signal: AbortSignal; expectedBytes: number | null }, give: Pieces): Promise<StoredFacts> {
    return this.sealing.write(name, give, async (stored, sealed) => {
      const { bytes, sha256 } = await upload(this.objects, backupFilePath('', backupId, stored), options, sealed);
      return { file: stored, size_bytes: bytes, sha256 };
    });
  }

  readFile(record: BackupRecord, name: string, take: Take, signal: AbortSignal): Promise<void> {
    return this.sealing.read(record, name, take, (stored, opened) => this.#read(record, stored, opened, signal));
  }

  async #read(record: BackupRecord, name: string, take: Take, signal: AbortSignal): Promise<void> {
    const isDump = name === record.file;
    const hash = createHash('sha256');
    let bytes = 0;
    const found = await download(this.objects, backupFilePath('', record.backup_id, name), async (piece) => {
      hash.update(piece);
      bytes += piece.length;
      await take(piece);
    }, signal);
    if (!found) throw unusable(record, isDump ? 'its dump is missing' : `its ${name} is missing`);
    if (!isDump) return;
    if (bytes !== record.size_bytes) throw unusable(record, `its dump has ${bytes} bytes instead of ${record.size_bytes}`);
    if (hash.digest('hex') !== record.sha256) throw unusable(record, 'its dump is damaged: the sha256 is not that of the manifest');
  }

  shell(backupId: string, file: string, sha256: string): { before: string[]; read: string } {
    const read = `aws s3 cp --only-show-errors${programOptions(this.objects.place.settings)} ${shellWord(`${this.location}/${backupFilePath('', backupId, file)}`)} -`;
    const opened = this.sealing.shell(read, file);
    return { before: [`test "$(${read} | sha256sum | cut -c 1-64)" = ${sha256}`, ...opened.before], read: opened.read };
  }

  freeBytes(): Promise<null> {
    return Promise.resolve(null);
  }

  /** Asks for every right that taking and removing a backup needs, by calls that leave nothing. */
  async preflight(): Promise<void> {
    const { objects } = this;
    await this.sealing.requireKey();
    const key = 'removed/preflight';
    const command = new CreateMultipartUploadCommand({ ...objects.at(key), ...writing(objects.place) });
    const { UploadId } = await objects.guarded('begin an upload', 'CreateMultipartUpload', () => objects.place.client.send(command));
    await abortUpload(objects, { key, id: UploadId! });
    await objects.delete(key);
  }

  async commitBackup(record: BackupRecord): Promise<void> {
    const text = await manifestText(this.id, record, this.#sizeOfDump);
    await this.objects.put(manifestKey(record.backup_id), text);
  }

  async updateBackup(record: BackupRecord): Promise<void> {
    await this.getBackup(record.backup_id);
    await this.commitBackup(record);
  }

  async abandonBackup(backupId: string): Promise<void> {
    if ((await this.#manifest(backupId)) === null) await this.#clear(backupId);
  }

  async getBackup(backupId: string): Promise<BackupRecord> {
    return readManifest(this, backupId, await this.#manifest(backupId), this.#sizeOfDump);
  }

  async listBackups(environment?: string): Promise<{ backups: BackupRecord[]; damaged: string[] }> {
    // Sizes come with the list: a question for each dump would cost as much again.
    const sizes = new Map((await this.objects.list('backups/')).map(({ key, bytes }) => [key, bytes]));
    const finished = [...sizes.keys()].filter((key) => key.endsWith(`/${MANIFEST_FILE}`));
    const texts = new Map(await atOnce(finished, async (key) => [key.split('/')[1] ?? '', await this.objects.getText(key)] as const));
    const look = async (record: BackupRecord) => sizes.get(backupFilePath('', record.backup_id, record.file)) ?? null;
    const { backups, damaged } = await listManifests([...texts.keys()].sort(), (id) => readManifest(this, id, texts.get(id) ?? null, look));
    return { backups: backups.filter((backup) => environment === undefined || backup.environment === environment), damaged };
  }

  async refer(reference: Reference): Promise<void> {
    const key = referenceFile(reference.operation_id);
    const there = await this.objects.getText(key);
    await this.objects.put(key, addedTo(there === null ? null : parseReference(there), reference));
  }

  async references(): Promise<Reference[]> {
    const texts = await atOnce(await this.objects.list('references/'), ({ key }) => this.objects.getText(key));
    return texts.flatMap((text) => (text === null ? [] : (parseReference(text) ?? [])));
  }

  forget(operationId: string): Promise<void> {
    return this.objects.delete(referenceFile(operationId));
  }

  removeBackup(backupId: string, isWanted: () => Promise<boolean>): Promise<number | null> {
    return removeBackup(this.objects, backupFolder('', backupId), isWanted);
  }

  artifacts(): Promise<StoredFile[]> {
    return storedFiles(this.objects, 'artifacts/', (name) => /^[0-9a-f]{64}$/.test(name));
  }

  removeArtifact(sha256: string, isWanted: () => Promise<boolean>): Promise<number | null> {
    return removeArtifact(this.objects, artifactPath('', sha256), isWanted);
  }

  errorDetails(operationIds: readonly string[]): Promise<StoredFile[]> {
    const prefixes = operationIds.map(errorDetailPrefix);
    return storedFiles(this.objects, 'errors/', (name) => prefixes.some((prefix) => name.startsWith(prefix)));
  }

  removeErrorDetail(name: string): Promise<void> {
    return this.objects.delete(`errors/${name}`);
  }

  leftovers(untouchedMs: number): Promise<{ path: string; bytes: number }[]> {
    return leftovers(this.objects, untouchedMs);
  }

  removeLeftover(path: string): Promise<void> {
    return removeLeftover(this.objects, path);
  }

  #manifest(backupId: string): Promise<string | null> {
    return this.objects.getText(manifestKey(backupId));
  }

  readonly #sizeOfDump = (record: BackupRecord) => this.objects.size(backupFilePath('', record.backup_id, record.file));

  async #clear(backupId: string): Promise<void> {
    const folder = `${backupFolder('', backupId)}/`;
    for (const one of await unfinishedUploads(this.objects, folder)) await abortUpload(this.objects, one);
    await this.objects.deleteAll((await this.objects.list(folder)).map(({ key }) => key));
  }
}

const manifestKey = (backupId: string) => `${backupFolder('', backupId)}/${MANIFEST_FILE}`;

/** Nothing said: the region of the worker, S3 itself, the bucket's own encryption and storage class. */
const PLAIN = { region: null, endpoint: null, encryption: null, kms_key_id: null, storage_class: null, assume_role_arn: null };

/**
 * Opens the store at `s3://bucket/prefix`; an empty place becomes one.
 * @throws FaberError store_unavailable: not reachable, no permission, other objects in it, damaged store.json; config_invalid
 */
export async function openS3Store(settings: Settings, sealing: Sealing): Promise<Store> {
  const objects = new Objects(placeOf(settings.backup.location, settings.backup.s3 ?? PLAIN));
  return new S3Store(objects, await openIdentity(objects), sealing);
}
