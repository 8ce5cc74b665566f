/** Space on the server's disk, where it can be measured. */
import type { ConnectionTarget, Session } from '../../../database/contract.js';
import { postgresTarget } from '../../../database/postgresql/connection-url.js';
import { dataFolder } from '../../../database/postgresql/data-folder.js';
import { freeBytes } from '../free-space.js';

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
