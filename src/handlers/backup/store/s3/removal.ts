/**
 * Removing from a store in S3, which knows no rename: what is removed is first copied to a name that nobody reads, and then goes in
 * one request. A crash in between leaves it whole or not at all, and the copy is swept later.
 */
import { randomBytes } from 'node:crypto';
import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, type ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';
import { barrier } from '../../../barrier.js';
import { MANIFEST_FILE } from '../names.js';
import type { StoredFile } from '../removal.js';
import { ifMissing } from './missing.js';
import type { Objects } from './objects.js';

const REMOVED = 'removed/';

/** @returns bytes freed; null when it is wanted, or gone already */
export async function removeArtifact(objects: Objects, key: string, isWanted: () => Promise<boolean>): Promise<number | null> {
  const bytes = await objects.size(key);
  if (bytes === null) return null;
  return (await takeAway(objects, key, isWanted)) ? bytes : null;
}

/** Without its manifest a backup does not exist: that goes first, and the rest when nobody wants it. */
export async function removeBackup(objects: Objects, folder: string, isWanted: () => Promise<boolean>): Promise<number | null> {
  const manifest = `${folder}/${MANIFEST_FILE}`;
  if ((await objects.size(manifest)) === null) return null;
  const all = await objects.list(`${folder}/`);
  if (!(await takeAway(objects, manifest, isWanted))) return null;
  await objects.deleteAll(all.map(({ key }) => key));
  return all.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** @returns whether it went */
async function takeAway(objects: Objects, key: string, isWanted: () => Promise<boolean>): Promise<boolean> {
  const kept = `${REMOVED}${randomBytes(8).toString('hex')}`;
  await objects.copy(key, kept);
  await objects.delete(key);
  await barrier('in-removal');
  // Not being able to ask is no leave to remove.
  const wanted = await isWanted().catch((error: unknown) => ({ error }));
  if (wanted !== false) await objects.copy(kept, key);
  await objects.delete(kept);
  if (typeof wanted === 'object') throw wanted.error;
  return !wanted;
}

interface Unfinished {
  key: string;
  id: string;
  begun: number;
}

/** Uploads that were begun and neither completed nor aborted, page by page: S3 charges for their parts, and lists them nowhere else. */
export async function unfinishedUploads(objects: Objects, prefix: string): Promise<Unfinished[]> {
  const found: Unfinished[] = [];
  const { place } = objects;
  const own = objects.key('').length;
  for (let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {}; ; ) {
    const command = new ListMultipartUploadsCommand({ Bucket: place.bucket, Prefix: objects.key(prefix), ...marker } as ConstructorParameters<typeof ListMultipartUploadsCommand>[0]);
    const page: ListMultipartUploadsCommandOutput = await objects.guarded('list unfinished uploads', 'ListMultipartUploads', () => place.client.send(command));
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) found.push({ key: Key!.slice(own), id: UploadId!, begun: Initiated?.getTime() ?? Date.now() });
    if (!page.IsTruncated || page.NextKeyMarker === undefined) return found;
    marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}

export async function abortUpload(objects: Objects, { key, id }: Pick<Unfinished, 'key' | 'id'>): Promise<void> {
  await objects.guarded('remove an unfinished upload', 'AbortMultipartUpload', () =>
    objects.place.client.send(new AbortMultipartUploadCommand({ ...objects.at(key), UploadId: id })).catch(ifMissing));
}

/** What work that was cut off has left, untouched for so long: backups without a manifest, copies of what went, uploads. */
export async function leftovers(objects: Objects, untouchedMs: number): Promise<{ path: string; bytes: number }[]> {
  const folders = new Map<string, { bytes: number; changed_at: number; finished: boolean }>();
  for (const { key, bytes, changed_at } of await objects.list('backups/')) {
    const [folder, name] = splitKey(key);
    const there = folders.get(folder) ?? { bytes: 0, changed_at: 0, finished: false };
    folders.set(folder, { bytes: there.bytes + bytes, changed_at: Math.max(there.changed_at, changed_at), finished: there.finished || name === MANIFEST_FILE });
  }
  const uploads = await unfinishedUploads(objects, '');
  // An upload that goes on is work on its backup.
  for (const { key, begun } of uploads) {
    const there = folders.get(splitKey(key)[0]);
    if (there) there.changed_at = Math.max(there.changed_at, begun);
  }
  const old = (at: number) => Date.now() - at >= untouchedMs;
  const path = (key: string) => `${objects.place.location}/${key}`;
  return [
    ...[...folders].filter(([, one]) => !one.finished && old(one.changed_at)).map(([folder, { bytes }]) => ({ path: path(`${folder}/`), bytes })),
    ...(await objects.list(REMOVED)).filter(({ changed_at }) => old(changed_at)).map(({ key, bytes }) => ({ path: path(key), bytes })),
    // What their parts take is not told without a request for each.
    ...uploads.filter(({ begun }) => old(begun)).map(({ key, id }) => ({ path: `${path(key)}${UPLOAD}${encodeURIComponent(id)}`, bytes: 0 })),
  ];
}

/** A key of the store has no question mark. */
const UPLOAD = '?uploadId=';

/** @param path as `leftovers` gave it */
export async function removeLeftover(objects: Objects, path: string): Promise<void> {
  const [key = '', upload] = path.slice(objects.place.location.length + 1).split(UPLOAD);
  if (upload !== undefined) return abortUpload(objects, { key, id: decodeURIComponent(upload) });
  if (!key.endsWith('/')) return objects.delete(key);
  const all = (await objects.list(key)).map((one) => one.key);
  if (!all.includes(`${key}${MANIFEST_FILE}`)) await objects.deleteAll(all);
}

export async function storedFiles(objects: Objects, prefix: string, isOne: (name: string) => boolean): Promise<StoredFile[]> {
  const found = (await objects.list(prefix)).map(({ key, bytes, changed_at }) => ({ name: key.slice(prefix.length), bytes, changed_at }));
  return found.filter(({ name }) => isOne(name));
}

/** Of `backups/<id>/<name>`: the folder and the rest. */
function splitKey(key: string): [string, string] {
  const at = key.indexOf('/', 'backups/'.length);
  return at < 0 ? [key, ''] : [key.slice(0, at), key.slice(at + 1)];
}
