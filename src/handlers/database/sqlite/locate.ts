/** Where the file of a target really is. */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FaberError } from '../../../contract/failure.js';
import { requireAllowed } from '../../allowed-roots.js';
import type { SqliteTarget } from './connection-url.js';
import { unreachable } from './failure.js';

export interface Located {
  /** Links followed: two ways to one file are one. */
  file: string;
  there: boolean;
  /** Device and inode, which a copy does not share. Null while the file is not there. */
  inode: string | null;
}

/**
 * @param variables the worker's own: FABER_DB_ROOTS says which folders it may use
 * @throws FaberError config_invalid outside of them; health_check_failed where the folder is not there, or the path is no file
 */
export async function locate(target: SqliteTarget, variables: NodeJS.ProcessEnv = process.env): Promise<Located> {
  if (!target.own) await requireAllowed(target.file, 'The database file', 'config_invalid', variables);
  const facts = await stat(target.file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw cannotReach(target, `its path cannot be looked at (${error.code ?? 'unknown error'})`);
  });
  if (facts !== null) {
    if (!facts.isFile()) throw cannotReach(target, facts.isDirectory() ? 'it is a folder, not a file' : 'it is no ordinary file');
    return { file: await realpath(target.file), there: true, inode: `${facts.ino}` };
  }
  const folder = await realpath(dirname(target.file)).catch(() => null);
  if (folder === null) throw cannotReach(target, `the folder ${dirname(target.file)} is not there`);
  return { file: join(folder, basename(target.file)), there: false, inode: null };
}

/** @throws FaberError health_check_failed when the file is not there */
export async function locateThere(target: SqliteTarget): Promise<Located> {
  const located = await locate(target);
  if (!located.there) throw cannotReach(target, 'there is no such file', ['Look at the path in the URL; relative paths start at the Prisma schema or config', 'A new database is made by: faber-db initialize-database ENVIRONMENT']);
  return located;
}

function cannotReach(target: SqliteTarget, details: string, suggestions = ['Look at the path in the URL, on the machine where the worker runs']): FaberError {
  return unreachable(`The database ${target.describe()} cannot be reached`, details, suggestions);
}
