/** Who has the file open. SQLite keeps no list of sessions: where Linux shows the descriptors of processes, these are told. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import type { SessionInfo } from '../contract.js';
import type { SqliteTarget } from './connection-url.js';
import { locateThere } from './locate.js';

/** Other processes that have the file or its log open, as far as this user may see them; without what they run. */
export async function sessions(target: SqliteTarget): Promise<SessionInfo[]> {
  const { file } = await locateThere(target);
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(pids.map((pid) => sessionOf(Number(pid), [file, `${file}-wal`])));
  return found.filter((session) => session !== null);
}

async function sessionOf(pid: number, files: readonly string[]): Promise<SessionInfo | null> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const descriptor of descriptors) {
    const open = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
    if (!files.includes(open)) continue;
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
    const since = await stat(`/proc/${pid}`).then(({ ctime }) => ctime.toISOString(), () => null);
    return { id: pid, user: null, application: name || null, state: null, since, query: null };
  }
  return null;
}
