/** Scratch databases: files in a folder of ours, told by the process that uses them. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { ScriptError, type ConnectionTarget, type ScratchUse } from '../contract.js';
import { SqliteTarget, sqliteTarget } from './connection-url.js';
import { createDatabase } from './create-database.js';
import { locateThere } from './locate.js';
import { plainError } from './failure.js';

const NAME = /^(\d+)-[0-9a-f-]{36}$/;

/** See `DatabaseHandler.withScratch`. */
export async function withScratch<T>(target: ConnectionTarget, use: ScratchUse, work: (scratch: ConnectionTarget) => Promise<T>): Promise<T> {
  use.signal.throwIfAborted();
  await locateThere(sqliteTarget(target));
  const folder = await scratchFolder();
  try {
    const scratch = new SqliteTarget(join(folder, 'scratch.db'), undefined, true);
    await createDatabase(scratch);
    return await work(scratch.within(use.signal));
  } catch (error) {
    // What broke because the work was given up is a symptom.
    use.signal.throwIfAborted();
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A folder of its own, and those of dead processes are gone. @throws ScriptError when it cannot be made */
export async function scratchFolder(): Promise<string> {
  const all = join(tmpdir(), `faber-db-scratch-${userInfo().uid}`);
  try {
    await mkdir(all, { recursive: true, mode: 0o700 });
    for (const name of await readdir(all)) {
      const [, pid] = NAME.exec(name) ?? [];
      if (pid !== undefined && !isAlive(Number(pid))) await rm(join(all, name), { recursive: true, force: true });
    }
    const folder = join(all, `${process.pid}-${randomUUID()}`);
    await mkdir(folder, { mode: 0o700 });
    return folder;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof ScriptError || code === undefined) throw error;
    throw plainError('SQLITE_CANTOPEN', `a folder in ${tmpdir()} cannot be used (${code})`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
