/** What identifies a database, whichever way it was reached. */
import { createHash } from 'node:crypto';
import { FaberError } from '../../../contract/failure.js';
import type { DatabaseIdentity } from '../contract.js';
import { haveTables, tableOf } from './bookkeeping-tables.js';
import { UNKNOWN_DATABASE } from './server-failure.js';
import { readingName, withSession, type MysqlSession } from './session.js';
import type { MysqlTarget } from './url.js';

export interface ServerFacts { version: string; mariadb: boolean; major: number }

/** Of the server's own version text: `8.0.36` or `10.11.6-MariaDB`. */
export function serverFacts(version: string): ServerFacts {
  const [major = 0, minor = 0] = version.replace(/^5\.5\.5-(?=\d+\.\d+\.\d+-MariaDB)/, '').split('.').map(Number.parseFloat);
  return { version, mariadb: /mariadb/i.test(version), major: major + (minor || 0) / 1000 };
}

/** Older ones do not undo a schema change that was cut off: https://mariadb.com/kb/en/atomic-ddl/, MySQL 8.0 atomic DDL. */
const OLDEST = { mariadb: 10.006, mysql: 8 };

/**
 * @param options mayBeMissing: a database that is not there is identified by its server and name, as an empty one
 * @throws FaberError health_check_failed when unreachable; unsupported for too old a server
 */
export async function identify(target: MysqlTarget, options: { mayBeMissing: boolean } = { mayBeMissing: false }): Promise<DatabaseIdentity> {
  try {
    return await withSession(target, readingName('identity'), (session) => identifyIn(session, target, false));
  } catch (error) {
    if (!options.mayBeMissing || !(error instanceof FaberError) || error.result?.['errno'] !== UNKNOWN_DATABASE) throw error;
    return withSession(target, readingName('identity'), (session) => identifyIn(session, target, true), { serverOnly: true });
  }
}

async function identifyIn(session: MysqlSession, target: MysqlTarget, missing: boolean): Promise<DatabaseIdentity> {
  const variables = await globalVariables(session);
  const facts = serverFacts(variables.get('version') ?? '');
  if (facts.major < (facts.mariadb ? OLDEST.mariadb : OLDEST.mysql)) {
    throw new FaberError({
      code: 'unsupported',
      message: `${facts.mariadb ? 'MariaDB' : 'MySQL'} ${facts.version} does not undo a schema change that is cut off. MySQL 8.0 or MariaDB 10.6 and newer do. Nothing was changed.`,
      suggestions: ['Upgrade the server.'],
    });
  }
  const [size] = missing ? [] : await session.query<{ bytes: string | null; tables: number }>(
    "SELECT SUM(data_length + index_length) AS bytes, COUNT(*) AS tables FROM information_schema.tables WHERE table_schema = ? AND table_type LIKE '%TABLE' OR table_schema = ? AND table_type = 'SEQUENCE'",
    [target.database, target.database],
  );
  const on = (name: string) => /^(ON|1)$/i.test(variables.get(name) ?? '');
  const [self] = await session.query<{ id: number }>('SELECT CONNECTION_ID() AS id');
  const pooled = Number(self?.id) !== session.id;
  return {
    identity: `mysql:${serverId(variables)}/${target.database}`,
    database: target.database,
    serverVersion: facts.version,
    serverMajor: Math.floor(facts.major),
    standby: on('read_only') || on('super_read_only') || on('innodb_read_only'),
    sizeBytes: missing ? null : Number(size?.bytes ?? 0),
    marker: await readMarker(session, target),
    ...(missing && { missing: true as const }),
    empty: missing || Number(size?.tables ?? 0) === 0,
    pooled,
    ...(pooled && { pooledReason: 'the number of the session is not the one that the server gives it: a proxy shares its connections' }),
  };
}

/**
 * MySQL has a UUID in its data folder. MariaDB has none: there it is what the server tells about itself on every route, and what another
 * server does not share with it at the same time (its hash of the machine's address, host, port and data folder). It changes when a
 * server moves; then the database counts as another one, which is the safe side.
 */
function serverId(variables: ReadonlyMap<string, string>): string {
  const uuid = variables.get('server_uuid');
  if (uuid) return uuid;
  const parts = ['server_uid', 'hostname', 'port', 'datadir'].map((name) => variables.get(name) ?? '');
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 20);
}

async function globalVariables(session: MysqlSession): Promise<Map<string, string>> {
  const rows = await session.query<{ Variable_name: string; Value: string }>(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'server_uuid', 'server_uid', 'hostname', 'port', 'datadir', 'read_only', 'super_read_only', 'innodb_read_only')",
  );
  return new Map(rows.map(({ Variable_name, Value }) => [Variable_name, Value]));
}

async function readMarker(session: MysqlSession, target: MysqlTarget): Promise<string | null> {
  if (!(await haveTables(session, target))) return null;
  const [row] = await session.query<{ environment: string }>(`SELECT environment FROM ${tableOf(target, 'marker')}`);
  return row?.environment ?? null;
}
