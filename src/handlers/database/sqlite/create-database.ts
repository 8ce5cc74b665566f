/** Makes the file that a URL names. */
import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FaberError } from '../../../contract/failure.js';
import { ScriptError } from '../contract.js';
import type { SqliteTarget } from './connection-url.js';
import { locate } from './locate.js';
import { withFile } from './open.js';

/** An empty file would do for SQLite; one with a header is known as a database by every program. @throws FaberError plan_failed */
export async function createDatabase(target: SqliteTarget): Promise<void> {
  const { file, there } = await locate(target);
  if (there) return;
  try {
    await withFile(file, 'create', (connection) => connection.query('PRAGMA user_version = 0'));
  } catch (error) {
    if (!(error instanceof ScriptError) && !(error instanceof FaberError)) throw error;
    throw new FaberError({ code: 'plan_failed', message: `${file} could not be created (${error.message}); nothing was changed`, suggestions: [remedy(file)] }, { cause: error });
  }
}

export async function creationObstacles(target: SqliteTarget): Promise<{ problem: string; remedy: string }[]> {
  const { file } = await locate(target);
  const may = await access(dirname(file), constants.W_OK).then(() => true, () => false);
  return may ? [] : [{ problem: `the worker may not write to ${dirname(file)}`, remedy: remedy(file) }];
}

const remedy = (file: string) => `Give the user of the worker the right to write to ${dirname(file)}`;
