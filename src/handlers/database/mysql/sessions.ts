/** Who is connected, without the values in what they run. */
import type { SessionInfo } from '../contract.js';
import { readingName, withSession } from './session.js';
import { maskStatement } from './tokens.js';
import type { MysqlTarget } from './url.js';

/** Other sessions of the database, longest first; without PROCESS those of the same user alone. */
export async function sessions(target: MysqlTarget): Promise<SessionInfo[]> {
  const rows = await withSession(target, readingName('sessions'), (session) => session.query<{ id: number; user: string; state: string | null; command: string; seconds: number; info: string | null; since: string }>(
    `SELECT id AS id, user AS user, state AS state, command AS command, time AS seconds, info AS info,
       CONCAT(DATE_FORMAT(UTC_TIMESTAMP(3) - INTERVAL GREATEST(time, 0) SECOND, '%Y-%m-%dT%H:%i:%s.000'), 'Z') AS since
     FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID() ORDER BY time DESC`, [target.database],
  ));
  return rows.map(({ id, user, state, command, info, since }) => ({ id: Number(id), user, application: null, state: state || command.toLowerCase(), since, query: info === null ? null : maskStatement(info) }));
}
