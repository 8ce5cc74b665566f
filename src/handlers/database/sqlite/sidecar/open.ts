/** Finds, makes and opens the sidecar of a database. */
import { randomUUID } from 'node:crypto';
import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FaberError } from '../../../../contract/failure.js';
import { ScriptError } from '../../contract.js';
import type { Connection } from '../connection.js';
import type { SqliteTarget } from '../connection-url.js';
import { thisHost } from '../host.js';
import { locateThere, type Located } from '../locate.js';
import { openFile, withFile } from '../open.js';
import { DDL, SIDECAR } from './tables.js';

export const sidecarOf = (file: string) => `${file}${SIDECAR}`;

const ABOUT = 'SELECT id, host, file, inode FROM about';

interface About { id: string; host: string; file: string; inode: string | null }

/**
 * Whether the sidecar is this database's: written for this path here, or for this very file, which was moved since or is seen under
 * another path. What was copied together with its database is that of the other one.
 */
function isOf(about: About | undefined, { file, inode }: Located): about is About {
  return about !== undefined && ((about.inode !== null && about.inode === inode) || (about.host === thisHost() && about.file === file));
}

const isAsItIs = (about: About | undefined, { file, inode }: Located) => about?.file === file && about.inode === inode && about.host === thisHost();

/** Makes it where there is none, or one of another database. Idempotent, safe when two run at once. @throws FaberError unsupported */
export async function ensureSidecar(target: SqliteTarget): Promise<void> {
  const located = await locateThere(target);
  await requireWritable(located);
  // Without a lock, which a changing transaction may hold for long.
  if (await readSidecar(target, async (sidecar) => isAsItIs((await sidecar.query<About>(ABOUT))[0], located))) return;
  await withFile(sidecarOf(located.file), 'create', async (sidecar) => {
    await immediately(sidecar, async () => {
      await sidecar.script(DDL);
      const [about] = await sidecar.query<About>(ABOUT);
      if (!isOf(about, located)) await beginAnew(sidecar, located);
      else if (!isAsItIs(about, located)) await sidecar.query('UPDATE about SET host = ?, file = ?, inode = ?', [thisHost(), located.file, located.inode]);
    });
  });
}

/** The token begins at the time: whoever holds one of a sidecar that was deleted finds it overtaken. */
async function beginAnew(sidecar: Connection, { file, inode }: Located): Promise<void> {
  for (const table of ['about', 'marker', 'fence', 'operations', 'steps', 'own_writes', 'exchanges']) await sidecar.query(`DELETE FROM ${table}`);
  await sidecar.query('INSERT INTO about (one, id, host, file, inode) VALUES (1, ?, ?, ?, ?)', [randomUUID(), thisHost(), file, inode]);
  await sidecar.query('INSERT INTO fence (one, token) VALUES (1, ?)', [Date.now()]);
}

/** SQLite writes its journal beside the file: without a right to the folder nothing can be changed anyway. */
async function requireWritable({ file }: Located): Promise<void> {
  const folder = dirname(file);
  for (const path of [folder, file]) {
    if (await access(path, constants.W_OK).then(() => true, () => false)) continue;
    throw new FaberError({
      code: 'unsupported',
      message: `The worker may not write to ${path}, and SQLite needs the folder of the database too. Nothing was changed.`,
      suggestions: [`Give the user of the worker the right to write to ${folder} and to what is in it`],
    });
  }
}

/** Runs `work` with the sidecar of the target, or gives null: there is none, or it is another database's. */
export async function readSidecar<T>(target: SqliteTarget, work: (sidecar: Connection, located: Located) => Promise<T>): Promise<T | null> {
  const located = await locateThere(target);
  const path = sidecarOf(located.file);
  if (!(await stat(path).then(() => true, () => false))) return null;
  const sidecar = await openFile(path, 'read', target.signal);
  try {
    const [about] = await sidecar.query<About>(ABOUT).catch(withoutTables);
    return isOf(about, located) ? await work(sidecar, located) : null;
  } finally {
    await sidecar.close();
  }
}

/** Another is just making it. */
function withoutTables(error: unknown): [] {
  if (error instanceof ScriptError && error.failure.sqlState === 'SQLITE_ERROR') return [];
  throw error;
}

/** Runs `work` in a transaction that holds the write lock. */
export async function immediately<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.query('BEGIN IMMEDIATE');
  try {
    const done = await work();
    await connection.query('COMMIT');
    return done;
  } catch (error) {
    await connection.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
