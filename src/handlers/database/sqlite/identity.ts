/** What identifies a database, whichever way it was reached. */
import { stat } from 'node:fs/promises';
import type { DatabaseIdentity } from '../contract.js';
import type { SqliteTarget } from './connection-url.js';
import { thisHost } from './host.js';
import { locate, locateThere } from './locate.js';
import { isDamaged, withFile } from './open.js';
import { readSidecar } from './sidecar/open.js';
import { USER_TABLES } from './schema-facts.js';

/** The machine and the real path: a copy of the file is another database. */
export const identityOf = (file: string) => `sqlite:${thisHost()}${file}`;

/**
 * @param options mayBeMissing: a file that is not there, or is damaged, is identified by its path, as an empty database
 * @throws FaberError health_check_failed
 */
export async function identify(target: SqliteTarget, options: { mayBeMissing: boolean } = { mayBeMissing: false }): Promise<DatabaseIdentity> {
  const { file, there } = await locate(target);
  const facts = { identity: identityOf(file), database: target.database, serverVersion: '3', serverMajor: 3, standby: false, pooled: false };
  const nothing = { ...facts, sizeBytes: null, marker: null, empty: true };
  if (!there && options.mayBeMissing) return { ...nothing, missing: true };
  await locateThere(target);
  try {
    return { ...facts, ...(await read(target, file)) };
  } catch (error) {
    if (options.mayBeMissing && isDamaged(error)) return nothing;
    throw error;
  }
}

async function read(target: SqliteTarget, file: string): Promise<Pick<DatabaseIdentity, 'serverVersion' | 'sizeBytes' | 'marker' | 'empty'>> {
  const marker = readSidecar(target, (sidecar) => sidecar.query<{ environment: string }>('SELECT environment FROM marker'));
  const [rows, found] = await Promise.all([marker, withFile(file, 'read', (connection) => connection.query<{ version: string; tables: number }>(`SELECT sqlite_version() AS version, (SELECT count(*) FROM (${USER_TABLES})) AS tables`))]);
  return { serverVersion: found[0]!.version, sizeBytes: (await stat(file)).size, marker: rows?.[0]?.environment ?? null, empty: found[0]!.tables === 0 };
}
