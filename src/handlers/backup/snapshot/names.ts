/** Identifiers at the host. They follow from the operation or the backup, so that a second attempt finds what the first made. */
import { createHash } from 'node:crypto';

/** Of instances and clusters; of snapshots it is 255. */
const MAX_LENGTH = 63;

/** RDS keeps identifiers in small letters, without two hyphens in a row or one at the end; a label may have both. */
export function snapshotName(backupId: string): string {
  const name = `faber-db-${backupId}`;
  const plain = name.toLowerCase().replace(/-{2,}/g, '-').replace(/-$/, '');
  return plain === name ? name : `${plain}-${shortHash(name)}`;
}

/** Where a restore is prepared. */
export const sideName = (id: string, operationId: string) => withSuffix(id, `-faber-${shortHash(id, operationId)}`);

/** Where the replaced one is kept. */
export const keptName = (id: string, operationId: string) => withSuffix(id, `-replaced-${shortHash(id, operationId)}`);

/** In which a snapshot is proven, and which never survives. */
export const scratchName = (id: string, operationId: string) => withSuffix(id, `-proof-${shortHash(id, operationId)}`);

/**
 * Of an instance of a restored cluster. One that was restored before has such a suffix already, which is replaced: names would grow from
 * restore to restore.
 */
export const memberName = (id: string, clusterId: string) => withSuffix(id.replace(/-f[0-9a-f]{10}$/, ''), `-f${shortHash(id, clusterId)}`);

/** What the kept one leaves when its time has come. */
export const finalSnapshotName = (kept: string) => `faber-db-final-${kept}`;

/** Whether it may be one that a restore of this one replaced: by its name alone, which anybody can give. */
export function looksReplaced(id: string, name: string): boolean {
  const suffix = /-replaced-[0-9a-f]{10}$/.exec(name)?.[0];
  return suffix !== undefined && withSuffix(id, suffix) === name;
}

/** Which operation it is, in a tag: ids are chosen by callers, and tags do not take every character. */
export const operationTag = (operationId: string) => createHash('sha256').update(operationId).digest('hex').slice(0, 32);

function shortHash(...parts: string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 10);
}

function withSuffix(id: string, suffix: string): string {
  return id.toLowerCase().slice(0, MAX_LENGTH - suffix.length).replace(/-$/, '') + suffix;
}
