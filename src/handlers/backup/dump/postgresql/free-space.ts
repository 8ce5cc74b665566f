/** Free disk space, where it can be measured: a number or an honest null, never a guess. */
import { statfs } from 'node:fs/promises';
import type { ConnectionTarget, Session } from '../../../database/contract.js';
import { postgresTarget } from '../../../database/postgresql/connection-url.js';
import { dataFolder } from '../../../database/postgresql/data-folder.js';

/** Bytes that this user may still write in a folder, or null. */
export async function freeBytes(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}

/**
 * Free bytes on the disk of the server's data directory: only for a server on this machine whose role may read where
 * that is. A port forwarded to another machine has no such folder here, and gives null.
 */
export async function freeServerBytes(session: Session, target: ConnectionTarget): Promise<number | null> {
  const folder = await dataFolder(session, postgresTarget(target));
  return folder === null ? null : freeBytes(folder);
}

/** Bytes that a database takes, or null when it is not there. */
export async function databaseBytes(session: Session, database: string): Promise<number | null> {
  const [row] = await session.query<{ size: string | null }>(
    'SELECT pg_database_size(oid)::text AS size FROM pg_database WHERE datname = $1',
    [database],
  );
  return row?.size == null ? null : Number(row.size);
}

export function readable(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1000))));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
