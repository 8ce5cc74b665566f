/** Every path inside a store is built here, from names that were checked: nothing leads out of the store. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { FaberError } from '../../../contract/failure.js';
import { BackupId } from '../../../contract/operation.js';

export const STORE_FILE = 'store.json';
export const MANIFEST_FILE = 'manifest.json';
/** A dump, or what lies beside one. The manifest's own name is none of them. */
const BACKUP_FILE = /^(dump(\.[a-z0-9]+){1,4}|(?!manifest\.)[a-z]+\.json(\.age)?)$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** @throws FaberError store_unavailable for anything that is no sha256 in hex. */
export function artifactPath(location: string, sha256: string): string {
  if (!SHA256.test(sha256)) throw new FaberError({ code: 'store_unavailable', message: 'Not the name of an artifact: a sha256 in hex was expected' });
  return join(location, 'artifacts', sha256);
}

/** @throws FaberError backup_not_found for an id that cannot be one. */
export function backupFolder(location: string, backupId: string): string {
  if (!BackupId.safeParse(backupId).success) {
    throw new FaberError({
      code: 'backup_not_found',
      message: 'Not the id of a backup: it looks like backup-20260124-103000 or backup-20260124-103000-label',
      suggestions: ['The backups that are there: faber-db list-backups'],
    });
  }
  return join(location, 'backups', backupId);
}

/** @throws FaberError backup_unusable when a manifest names a file that is none of the backup's own. */
export function backupFilePath(location: string, backupId: string, file: string): string {
  if (!BACKUP_FILE.test(file)) throw new FaberError({ code: 'backup_unusable', message: `The manifest of ${backupId} names a file that is none of a backup` });
  return join(backupFolder(location, backupId), file);
}

/** A path for unmasked error text. */
export function errorDetailPath(location: string, operationId: string, text: string): string {
  return join(location, 'errors', `${errorDetailPrefix(operationId)}${digest(text)}.txt`);
}

/** How the names of an operation's error details begin. Ids are chosen by callers, so only harmless characters of them are kept. */
export function errorDetailPrefix(operationId: string): string {
  return `${operationId.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 80)}-${digest(operationId)}-`;
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);
