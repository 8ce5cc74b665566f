/**
 * Puts a file that was prepared beside a database in its place, and keeps what it replaces. What a crash leaves: before the commit, the
 * database as it was and a copy of it too many; after it, an exchange that its own number in the database proves.
 */
import { randomInt } from 'node:crypto';
import { link, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import type { Session } from '../../contract.js';
import { syncFolder } from '../../../backup/store/durable.js';
import type { Connection } from '../connection.js';
import type { SqliteTarget } from '../connection-url.js';
import { isBusy, plainError } from '../failure.js';
import { locate } from '../locate.js';
import { isDamaged, openFile, openIn, withFile } from '../open.js';
import { borrow, giveBack } from '../process/pool.js';
import { sessions } from '../sessions.js';
import { fencedOff } from '../sidecar/fence.js';
import { ensureSidecar, readSidecar, sidecarOf } from '../sidecar/open.js';
import { replaceContents, SIDE } from './contents.js';
import { keptName, removeFile, sideName } from './names.js';

/** How long others may keep the file from being locked. */
const WAIT_MS = 30_000;
/** SQLite counts changes of the schema from here on: an exchange sets a number at random, and finds it again. */
const COOKIES = { from: 1_000_000_000, to: 2_000_000_000, later: 1_000_000 };

type Guard = (replaced: Session | null) => Promise<void>;

export async function exchange(target: SqliteTarget, operationId: string, guard: Guard, signal: AbortSignal): Promise<{ kept_as: string | null }> {
  const done = await exchanged(target, operationId);
  if (done !== null) return { kept_as: done.kept };
  const { file, there } = await locate(target);
  const side = join(dirname(file), sideName(target.database, operationId));
  if (!(await isThere(side))) {
    throw new FaberError({ code: 'restore_failed', message: `There is no restored file ${side} to put in the place of ${file}`, result: { reason: 'nothing was restored' } });
  }
  if (!there) return { kept_as: await moveIn(target, file, side, operationId, guard) };
  try {
    await withFile(file, 'read', async () => {});
  } catch (error) {
    if (!isDamaged(error)) throw error;
    await moveAway(target, file, operationId);
    return { kept_as: await moveIn(target, file, side, operationId, guard) };
  }
  await ensureSidecar(target);
  return { kept_as: await replace(target, file, side, operationId, guard, signal) };
}

/** Whether the exchange of this operation has happened, and under which name the replaced database is kept. */
export async function exchanged(target: SqliteTarget, operationId: string): Promise<{ kept: string | null } | null> {
  if (!(await locate(target)).there) return null;
  const found = await readSidecar(target, async (sidecar, { file }) => {
    const [row] = await sidecar.query<{ kept: string | null; cookie: number; done: number }>('SELECT kept, cookie, done FROM exchanges WHERE operation_id = ?', [operationId]);
    if (row === undefined) return null;
    if (row.done === 1) return { kept: row.kept };
    const [now] = await withFile(file, 'read', (database) => database.query<{ schema_version: number }>('PRAGMA schema_version'));
    const since = now!.schema_version - row.cookie;
    return since >= 0 && since < COOKIES.later ? { kept: row.kept } : null;
  }).catch((error: unknown) => {
    if (isDamaged(error)) return null;
    throw error;
  });
  return found;
}

async function replace(target: SqliteTarget, file: string, side: string, operationId: string, guard: Guard, signal: AbortSignal): Promise<string> {
  const process = borrow();
  const end = () => void process.kill();
  signal.addEventListener('abort', end, { once: true });
  const kept = keptName(target.database, operationId);
  const keptFile = join(dirname(file), kept);
  try {
    const sidecar = await openIn(process, sidecarOf(file), 'write');
    const database = await openIn(process, file, 'write');
    await database.query('PRAGMA foreign_keys = OFF');
    await database.query(`ATTACH ? AS ${SIDE}`, [side]);
    await begin(database, sidecar, signal);
    await requireOwnFence(sidecar, operationId);
    await guard(database);
    await keep(file, keptFile, signal);
    await replaceContents(database);
    const cookie = randomInt(COOKIES.from, COOKIES.to);
    await database.query(`PRAGMA main.schema_version = ${cookie}`);
    await sidecar.query('INSERT INTO exchanges (operation_id, kept, cookie, done) VALUES (?1, ?2, ?3, 0) ON CONFLICT (operation_id) DO UPDATE SET kept = ?2, cookie = ?3, done = 0', [operationId, kept, cookie]);
    // Whoever held the fence before has to take it again. Committed first: what is here intended is proven by the number in the database.
    await sidecar.query('UPDATE fence SET token = token + 1');
    await sidecar.query('COMMIT');
    await barrier('swap-before-renames', signal);
    signal.throwIfAborted();
    await database.query('COMMIT');
    await barrier('swap-after-renames');
    await sidecar.query('UPDATE exchanges SET done = 1 WHERE operation_id = ?', [operationId]);
    await database.query(`DETACH ${SIDE}`);
    await database.close();
    await sidecar.close();
  } catch (error) {
    await process.kill();
    const done = await exchanged(target, operationId).catch(() => null);
    if (done !== null) return kept;
    await rm(keptFile, { force: true });
    throw error;
  } finally {
    signal.removeEventListener('abort', end);
    giveBack(process);
  }
  await removeFile(side);
  return kept;
}

/** Locks both, each in its turn: until then others may write. */
async function begin(database: Connection, sidecar: Connection, signal: AbortSignal): Promise<void> {
  for (const end = Date.now() + WAIT_MS; ; ) {
    try {
      await sidecar.query('BEGIN IMMEDIATE');
      await database.query('BEGIN IMMEDIATE');
      return;
    } catch (error) {
      if (sidecar.inTransaction) await sidecar.query('ROLLBACK');
      if (!isBusy(error)) throw error;
      if (Date.now() > end) throw plainError('SQLITE_BUSY', `another process has kept the database locked for ${WAIT_MS / 1000} seconds`);
      await sleep(200, undefined, { signal });
    }
  }
}

/** An attempt that stood still for long may wake up after another operation has taken over. */
async function requireOwnFence(sidecar: Connection, operationId: string): Promise<void> {
  const [holder] = await sidecar.query<{ operation_id: string | null }>('SELECT operation_id FROM fence');
  if (holder?.operation_id != null && holder.operation_id !== operationId) throw fencedOff();
}

/** A copy of what is replaced, whole and on the disk before anything of it goes. Nobody writes meanwhile. */
async function keep(file: string, keptFile: string, signal: AbortSignal): Promise<void> {
  const unfinished = `${keptFile}.unfinished`;
  await removeFile(unfinished);
  const reader = await openFile(file, 'read', signal);
  try {
    await reader.copyTo(unfinished);
  } finally {
    await reader.close();
  }
  await rename(unfinished, keptFile);
  await syncFolder(dirname(keptFile));
}

/** A file that SQLite cannot read is moved away with its log, unless somebody has it open: they would go on writing to it. */
async function moveAway(target: SqliteTarget, file: string, operationId: string): Promise<void> {
  let open = await sessions(target);
  // A process of ours that looked at it lets go of it in a moment.
  for (let look = 0; open.length > 0 && look < 10; look += 1, open = await sessions(target)) await sleep(100);
  if (open.length > 0) {
    throw new FaberError({ code: 'restore_failed', message: `${file} is damaged, and ${open.length} process(es) have it open: ${open.map(({ id, application }) => `${application ?? 'a process'} (${id})`).join(', ')}. Nothing was exchanged`, result: { reason: 'the damaged file is in use' }, suggestions: ['Stop the application and start the operation again'] });
  }
  for (const ending of ['-wal', '-journal', '-shm', '']) await rename(file + ending, join(dirname(file), keptName(target.database, operationId)) + ending).catch(unlessMissing);
}

/** There is no database in the place: nobody is replaced. A link, since a rename would go over a file that has come meanwhile. */
async function moveIn(target: SqliteTarget, file: string, side: string, operationId: string, guard: Guard): Promise<string | null> {
  await guard(null);
  await barrier('swap-before-renames');
  await removeFile(`${side}.faber-db`);
  await link(side, file);
  await rm(side);
  await syncFolder(dirname(file));
  await barrier('swap-after-renames');
  await removeFile(side);
  const kept = keptName(target.database, operationId);
  const keptAs = (await isThere(join(dirname(file), kept))) ? kept : null;
  await ensureSidecar(target);
  await withFile(sidecarOf(file), 'write', (sidecar) => sidecar.query('INSERT OR REPLACE INTO exchanges (operation_id, kept, cookie, done) VALUES (?, ?, 0, 1)', [operationId, keptAs]));
  return keptAs;
}

const isThere = (path: string) => stat(path).then(() => true, () => false);

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
