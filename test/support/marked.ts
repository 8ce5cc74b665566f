/** Finds what a test started, by a mark in the environment: children inherit it, whatever they call themselves. */
import { readdir, readFile } from 'node:fs/promises';

export interface MarkedProcess { pid: number; command: string }

/** Running processes whose environment has FABER_DB_TEST_MARK set to `mark`. */
export async function markedProcesses(mark: string): Promise<MarkedProcess[]> {
  const found: MarkedProcess[] = [];
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!environ.split('\0').includes(`FABER_DB_TEST_MARK=${mark}`)) continue;
    found.push({ pid: Number(pid), command: (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim() });
  }
  return found;
}
