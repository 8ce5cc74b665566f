/** Health of a database, read-only. A check that cannot be made is `unknown`, and the others go on. */
import { statfs } from 'node:fs/promises';
import type { HealthCheck } from '../../../contract/health.js';
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';
import { latencyCheck, uncheckable } from '../health-checks.js';
import type { PostgresTarget } from './connection-url.js';
import { dataFolder } from './data-folder.js';
import { openSession, type PostgresSession } from './session.js';
import { readingName } from './session-names.js';

type Thresholds = Settings['health'];
type Check = (session: PostgresSession, thresholds: Thresholds) => Promise<HealthCheck>;

const CHECKS = { latency, long_transactions: longTransactions, connections, disk } as const satisfies Record<string, Check>;

/** Never throws for a database that is down: connectivity is unhealthy then, the rest unknown. */
export async function checkHealth(target: PostgresTarget, thresholds: Thresholds): Promise<HealthCheck[]> {
  let session: PostgresSession;
  try {
    session = await openSession(target, readingName('health'));
  } catch (error) {
    if (!(error instanceof FaberError)) throw error;
    const unknown = Object.keys(CHECKS).map((name) => ({ name: name as HealthCheck['name'], category: 'performance' as const, status: 'unknown' as const, detail: 'not checked: the database cannot be reached', value: null }));
    return [{ name: 'connectivity', category: 'connectivity', status: 'unhealthy', detail: connectivityDetail(error), recommendation: `${target.describe()}: ${error.suggestions[0] ?? 'check that the server runs, and host, port and firewall.'}` }, ...unknown];
  }
  try {
    await session.query("SELECT set_config('statement_timeout', '10s', false)");
    const checks: HealthCheck[] = [{ name: 'connectivity', category: 'connectivity', status: 'healthy', detail: `connected to ${target.describe()}` }];
    for (const [name, check] of Object.entries(CHECKS)) checks.push(await check(session, thresholds).catch((error: unknown) => uncheckable(name as HealthCheck['name'], error)));
    return checks;
  } finally {
    await session.close();
  }
}

/** The cause alone: where is said elsewhere in a report. */
function connectivityDetail(error: FaberError): string {
  const details = error.result?.['error_details'];
  return typeof details === 'string' ? details : error.message;
}

function latency(session: PostgresSession, thresholds: Thresholds): Promise<HealthCheck> {
  return latencyCheck(() => session.query('SELECT 1'), thresholds, 'Look at the load of the server (SELECT pid, state, query FROM pg_stat_activity) and at the network between worker and database.');
}

async function longTransactions(session: PostgresSession, { long_transaction_warning_seconds: warning }: Thresholds): Promise<HealthCheck> {
  const [row] = await session.query<{ long: number; longest: number | null; hidden: number }>(
    `SELECT count(*) FILTER (WHERE xact_start < clock_timestamp() - $1 * interval '1 second')::int AS long,
       max(extract(epoch FROM clock_timestamp() - xact_start))::int AS longest,
       count(*) FILTER (WHERE query = '<insufficient privilege>')::int AS hidden
     FROM pg_catalog.pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_catalog.pg_backend_pid() AND usesysid IS NOT NULL`,
    [warning],
  );
  const { long, longest, hidden } = row!;
  const unseen = hidden > 0 ? `; ${hidden} sessions of other roles are not visible to this role` : '';
  return {
    name: 'long_transactions',
    category: 'performance',
    status: long > 0 ? 'degraded' : 'healthy',
    detail: `${long} open for more than ${warning} s${longest === null ? '' : `, the longest for ${longest} s`}${unseen}`,
    value: long,
    ...(long > 0 && { recommendation: 'They can keep a migration from its locks. Find them: SELECT pid, usename, xact_start, state FROM pg_stat_activity ORDER BY xact_start; wait, or SELECT pg_terminate_backend(pid).' }),
  };
}

async function connections(session: PostgresSession, { connections_warning_percent: warning }: Thresholds): Promise<HealthCheck> {
  // Of the whole server: max_connections is shared by all its databases, and pg_stat_database counts for every role.
  const [row] = await session.query<{ used: number; available: number }>(
    `SELECT (SELECT sum(numbackends)::int FROM pg_catalog.pg_stat_database) AS used,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS available`,
  );
  const { used, available } = row!;
  const percent = Math.round((used / available) * 100);
  const full = percent >= warning;
  return {
    name: 'connections',
    category: 'performance',
    status: full ? 'degraded' : 'healthy',
    detail: `${used} of ${available} taken (${percent} %)`,
    value: percent,
    ...(full && { recommendation: 'Close idle connections (SELECT usename, application_name, count(*) FROM pg_stat_activity GROUP BY 1, 2), use a pooler, or raise max_connections.' }),
  };
}

async function disk(session: PostgresSession, { disk_free_warning_percent: warning }: Thresholds): Promise<HealthCheck> {
  const check = { name: 'disk', category: 'performance' } as const;
  const folder = await dataFolder(session, session.target);
  const space = folder === null ? null : await statfs(folder).catch(() => null);
  // PostgreSQL does not tell the free space of its disk.
  if (space === null) return { ...check, status: 'unknown', detail: 'only measured for a server on the machine of the worker, whose role may read data_directory (pg_read_all_settings)', value: null };
  const percent = Math.round((space.bavail / space.blocks) * 1000) / 10;
  const full = percent < warning;
  return {
    ...check,
    status: full ? 'degraded' : 'healthy',
    detail: `${percent} % of the disk of the data directory are free (warning below ${warning} %)`,
    value: percent,
    ...(full && { recommendation: `Free disk space on the server: df -h ${folder}` }),
  };
}
