/** The process that holds a changing transaction, so that whoever takes the fence can end it: it may be an orphan in a statement of an hour. */
import { readFile } from 'node:fs/promises';
import { thisHost } from '../host.js';

/** `host pid start`: a number of a process is used again, its start is not. */
export async function holderText(pid: number): Promise<string> {
  return `${thisHost()} ${pid} ${(await startOf(pid)) ?? 'unknown'}`;
}

/** Ends it, where it is on this machine and still the same. @returns whether anything was ended */
export async function endHolder(holder: string | null): Promise<boolean> {
  const [host, number, start] = holder?.split(' ') ?? [];
  const pid = Number(number);
  if (host !== thisHost() || !Number.isInteger(pid) || pid <= 1 || start === 'unknown' || (await startOf(pid)) !== start) return false;
  try {
    // It leads a group of its own.
    process.kill(-pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

/** Clock ticks since the machine started, as Linux tells them; null where it does not. */
async function startOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // The name of the program stands in brackets and may hold anything.
  return text === null ? null : (text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null);
}
