/** Health of a database, read-only. A check that cannot be made is `unknown`, and the others go on. */
import { statfs } from 'node:fs/promises';
import { FaberError } from '../../../contract/failure.js';
import type { HealthCheck } from '../../../contract/health.js';
import type { Settings } from '../../../contract/settings.js';
import { latencyCheck, uncheckable } from '../health-checks.js';
import { openSession, readingName, type MysqlSession } from './session.js';
import type { MysqlTarget } from './url.js';

type Thresholds = Settings['health'];
type Check = (session: MysqlSession, thresholds: Thresholds) => Promise<HealthCheck>;

const CHECKS = { latency, long_transactions: longTransactions, connections, disk } as const satisfies Record<string, Check>;

/** Never throws for a database that is down: connectivity is unhealthy then, the rest unknown. */
export async function checkHealth(target: MysqlTarget, thresholds: Thresholds): Promise<HealthCheck[]> {
  let session: MysqlSession;
  try {
    session = await openSession(target, readingName('health'));
  } catch (error) {
    if (!(error instanceof FaberError)) throw error;
    const details = error.result?.['error_details'];
    const unknown = Object.keys(CHECKS).map((name) => ({ name: name as HealthCheck['name'], category: 'performance' as const, status: 'unknown' as const, detail: 'not checked: the database cannot be reached', value: null }));
    return [{ name: 'connectivity', category: 'connectivity', status: 'unhealthy', detail: typeof details === 'string' ? details : error.message, recommendation: error.suggestions[0] ?? 'Check that the server runs, and host, port and firewall.' }, ...unknown];
  }
  try {
    const checks: HealthCheck[] = [{ name: 'connectivity', category: 'connectivity', status: 'healthy', detail: `connected to ${target.describe()}` }];
    for (const [name, check] of Object.entries(CHECKS)) checks.push(await check(session, thresholds).catch((error: unknown) => uncheckable(name as HealthCheck['name'], error)));
    return checks;
  } finally {
    await session.close();
  }
}

function latency(session: MysqlSession, thresholds: Thresholds): Promise<HealthCheck> {
  return latencyCheck(() => session.query('SELECT 1'), thresholds, 'Look at the load of the server (SHOW FULL PROCESSLIST) and at the network between worker and database.');
}

/** Without PROCESS a user sees the sessions of its own name alone, and is told so. */
async function longTransactions(session: MysqlSession, { long_transaction_warning_seconds: warning }: Thresholds): Promise<HealthCheck> {
  const all = await session.query<{ longest: number | null; open: number }>(
    'SELECT MAX(TIMESTAMPDIFF(SECOND, trx_started, NOW())) AS longest, COUNT(*) AS open FROM information_schema.innodb_trx WHERE TIMESTAMPDIFF(SECOND, trx_started, NOW()) > ?', [warning],
  ).catch(() => null);
  const rows = all ?? await session.query<{ longest: number | null; open: number }>(
    "SELECT MAX(time) AS longest, COUNT(*) AS open FROM information_schema.processlist WHERE command NOT IN ('Sleep', 'Daemon', 'Binlog Dump') AND id <> CONNECTION_ID() AND time > ?", [warning],
  );
  const open = Number(rows[0]?.open ?? 0);
  const what = all === null ? 'queries of this user (PROCESS is needed to see transactions of all)' : 'transactions';
  return {
    name: 'long_transactions', category: 'performance', status: open > 0 ? 'degraded' : 'healthy', value: open,
    detail: `${open} ${what} open for more than ${warning} s${open > 0 ? `, the longest for ${Number(rows[0]!.longest)} s` : ''}`,
    ...(open > 0 && { recommendation: 'They can keep a migration from its locks. Find them: SELECT trx_mysql_thread_id, trx_started FROM information_schema.innodb_trx; wait, or KILL.' }),
  };
}

async function connections(session: MysqlSession, { connections_warning_percent: warning }: Thresholds): Promise<HealthCheck> {
  const [used] = await session.query<{ Value: string }>("SHOW GLOBAL STATUS LIKE 'Threads_connected'");
  const [most] = await session.query<{ most: number }>('SELECT @@GLOBAL.max_connections AS most');
  const percent = Math.round((Number(used!.Value) / Number(most!.most)) * 100);
  const full = percent >= warning;
  return {
    name: 'connections', category: 'performance', status: full ? 'degraded' : 'healthy', value: percent,
    detail: `${used!.Value} of ${most!.most} taken (${percent} %)`,
    ...(full && { recommendation: 'Close idle connections (SHOW PROCESSLIST), use a smaller pool, or raise max_connections.' }),
  };
}

/** The server tells no free space: only for one on the worker's machine, whose data folder the worker can see. */
async function disk(session: MysqlSession, { disk_free_warning_percent: warning }: Thresholds): Promise<HealthCheck> {
  const check = { name: 'disk', category: 'performance' } as const;
  const folder = await localDataFolder(session);
  const space = folder === null ? null : await statfs(folder).catch(() => null);
  if (space === null) return { ...check, status: 'unknown', detail: 'only measured for a server on the machine of the worker, whose data folder the worker can see', value: null };
  const percent = Math.round((space.bavail / space.blocks) * 1000) / 10;
  const full = percent < warning;
  return {
    ...check, status: full ? 'degraded' : 'healthy', value: percent,
    detail: `${percent} % of the disk of the data folder are free (warning below ${warning} %)`,
    ...(full && { recommendation: `Free disk space on the server: df -h ${folder}` }),
  };
}

/** Null for a server elsewhere: its folder may exist here too, and be another one. */
export async function localDataFolder(session: MysqlSession): Promise<string | null> {
  if (!/^(127\.|localhost$|::1$)/.test(session.target.host)) return null;
  const [row] = await session.query<{ folder: string }>('SELECT @@GLOBAL.datadir AS folder');
  return row?.folder ?? null;
}
