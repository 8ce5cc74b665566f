/**
 * Places where a test stops an operation, to kill what runs there. Without `FABER_DB_TEST_BARRIERS`, which names a folder,
 * a barrier does nothing. `<point>.stop` in that folder arms a barrier, once: whoever comes there first renames it to
 * `<point>.reached` and waits for `<point>.go`, so that the attempt after a kill does not stop again. A number in it is how many
 * are let pass before.
 */
import { access, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;
const folder = process.env['FABER_DB_TEST_BARRIERS'];

/** @param signal opens the barrier too: a cancelled operation does not stand still */
export async function barrier(point: string, signal?: AbortSignal): Promise<void> {
  if (!folder) return;
  const file = (state: string) => join(folder, `${point}.${state}`);
  const passes = Number(await readFile(file('stop'), 'utf8').catch(() => ''));
  if (passes > 0) {
    await writeFile(file('stop'), String(passes - 1));
    return;
  }
  if (!(await done(rename(file('stop'), file('reached'))))) return;
  while (!signal?.aborted && !(await done(access(file('go'))))) await sleep(POLL_MS);
}

async function done(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
}
