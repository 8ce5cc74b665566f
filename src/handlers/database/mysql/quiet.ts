/** Proof that nobody wrote since a snapshot: only where the server keeps a log of its changes, and that log did not move. */
import type { Session } from '../contract.js';

/** Where the server's log of changes stands; `unknown` where it keeps none, or this user may not see it. */
export async function logPosition(session: Session): Promise<string> {
  const [variables] = await session.query<{ on: number }>('SELECT @@GLOBAL.log_bin AS `on`');
  if (Number(variables?.on) !== 1) return 'unknown';
  const gtid = await session.query<{ position: string }>('SELECT @@GLOBAL.gtid_binlog_pos AS position').catch(() => session.query<{ position: string }>('SELECT @@GLOBAL.gtid_executed AS position').catch(() => []));
  const position = gtid[0]?.position?.replaceAll(/\s/g, '');
  return position ? `gtid:${position}` : 'unknown';
}

/** Equal positions before and now: nothing was written on the whole server. Own work moves it too, and then nothing is proven. */
export async function proveQuiet(session: Session, position: string): Promise<{ proven: boolean; reason: string }> {
  if (position === 'unknown') return { proven: false, reason: 'the server keeps no log of changes (log_bin) by which it could be told' };
  const now = await logPosition(session);
  if (now === 'unknown') return { proven: false, reason: 'the log of changes can no longer be read' };
  return now === position
    ? { proven: true, reason: 'the log of changes stands where it stood' }
    : { proven: false, reason: 'the log of changes has moved on since the snapshot; by whom is not told' };
}
