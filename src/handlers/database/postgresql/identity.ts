/** What identifies a database, whichever way it was reached. */
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type DatabaseIdentity } from '../contract.js';
import { MAINTENANCE_DATABASES } from './connect.js';
import type { PostgresTarget } from './connection-url.js';
import { poolerReason } from './pooler.js';
import { withSession, type PostgresSession } from './session.js';
import { readingName } from './session-names.js';

interface Facts {
  system_identifier: string;
  database: string;
  version: string;
  version_number: number;
  standby: boolean;
  size: string | null;
  has_marker: boolean;
  empty: boolean;
}

// Tables of extensions (PostGIS brings some) are not the user's; the bookkeeping is ours.
const FACTS = `
  SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system_identifier,
    current_database() AS database,
    current_setting('server_version') AS version,
    current_setting('server_version_num')::int AS version_number,
    pg_catalog.pg_is_in_recovery() AS standby,
    pg_catalog.pg_database_size(current_database())::text AS size,
    to_regclass('faber_db.marker') IS NOT NULL AS has_marker,
    NOT EXISTS (
      SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'faber_db') AND n.nspname NOT LIKE 'pg\\_%'
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
    ) AS empty`;

/** Oldest server whose catalog and functions all parts here use. */
const OLDEST_MAJOR = 12;

/**
 * @param options mayBeMissing: a database that lets nobody in is identified by its server and name, as an empty one
 * @throws FaberError health_check_failed when unreachable; unsupported for too old a server or one that hides its system identifier.
 */
export async function identify(target: PostgresTarget, options: { mayBeMissing: boolean } = { mayBeMissing: false }): Promise<DatabaseIdentity> {
  try {
    return await identifyHere(target);
  } catch (error) {
    if (!options.mayBeMissing || !(error instanceof FaberError) || error.code !== 'health_check_failed') throw error;
    for (const name of MAINTENANCE_DATABASES.filter((other) => other !== target.database)) {
      const server = await identifyHere(target.withDatabase(name)).catch(() => null);
      if (server === null) continue;
      const identity = server.identity.slice(0, server.identity.length - server.database.length) + target.database;
      const missing = await isMissing(target.withDatabase(name), target.database);
      return { ...server, identity, database: target.database, sizeBytes: null, marker: null, empty: true, ...(missing && { missing: true as const }) };
    }
    throw error;
  }
}

async function isMissing(server: PostgresTarget, database: string): Promise<boolean> {
  return withSession(server, readingName('identity'), async (session) => (await session.query('SELECT FROM pg_catalog.pg_database WHERE datname = $1', [database])).length === 0);
}

async function identifyHere(target: PostgresTarget): Promise<DatabaseIdentity> {
  return withSession(target, readingName('identity'), async (session) => {
    const facts = await readFacts(session);
    const serverMajor = Math.floor(facts.version_number / 10_000);
    if (serverMajor < OLDEST_MAJOR) {
      throw new FaberError({ code: 'unsupported', message: `PostgreSQL ${facts.version} is too old; ${OLDEST_MAJOR} or newer is needed. Nothing was changed.` });
    }
    const reason = await poolerReason(session);
    return {
      identity: `postgresql:${facts.system_identifier}/${facts.database}`,
      database: facts.database,
      serverVersion: facts.version,
      serverMajor,
      standby: facts.standby,
      sizeBytes: facts.size === null ? null : Number(facts.size),
      marker: facts.has_marker ? await readMarker(session) : null,
      empty: facts.empty,
      pooled: reason !== null,
      ...(reason !== null && { pooledReason: reason }),
    };
  });
}

async function readFacts(session: PostgresSession): Promise<Facts> {
  try {
    return (await session.query<Facts>(FACTS))[0]!;
  } catch (error) {
    if (!(error instanceof ScriptError) || error.failure.sqlState !== '42501') throw error;
    throw new FaberError({
      code: 'unsupported',
      message: `The role of the URL may not read what identifies the server (${error.message}). Nothing was changed.`,
      suggestions: ['As a superuser: GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO the role.'],
    }, { cause: error });
  }
}

async function readMarker(session: PostgresSession): Promise<string | null> {
  const [row] = await session.query<{ environment: string }>('SELECT environment FROM faber_db.marker');
  return row?.environment ?? null;
}
