/** The files that restores replaced and kept: found, and removed when their time has come. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FaberError } from '../../../../contract/failure.js';
import { keptName, looksReplaced, removeFile } from '../../../database/sqlite/beside/names.js';
import type { SqliteTarget } from '../../../database/sqlite/connection-url.js';
import { locate } from '../../../database/sqlite/locate.js';
import { sessions } from '../../../database/sqlite/sessions.js';
import { sqliteBookkeeping } from '../../../database/sqlite/sidecar/bookkeeping.js';
import type { ReplacedDatabase } from '../../contract.js';

/** A name can be anybody's: which operation made it is told by hashing the ids that are remembered. */
export async function replacedDatabases(target: SqliteTarget): Promise<ReplacedDatabase[]> {
  const folder = dirname((await locate(target)).file);
  const names = (await readdir(folder)).filter((name) => looksReplaced(target.database, name)).sort();
  if (names.length === 0) return [];
  const remembered = await sqliteBookkeeping.remembered(target).catch((error: unknown) => {
    if (error instanceof FaberError) return [];
    throw error;
  });
  return Promise.all(names.map(async (name) => ({
    name,
    size_bytes: (await stat(join(folder, name))).size,
    operation: remembered.find(({ operation_id }) => keptName(target.database, operation_id) === name) ?? null,
  })));
}

/** @returns why it stays, or null */
export async function dropReplaced(target: SqliteTarget, name: string): Promise<string | null> {
  if (!looksReplaced(target.database, name)) return 'it is not a database that a restore replaced';
  const file = join(dirname((await locate(target)).file), name);
  if (!(await stat(file).then(() => true, () => false))) return null;
  if ((await sessions(target.withDatabase(name))).length > 0) return 'it is in use: a process has it open';
  await removeFile(file);
  return null;
}
