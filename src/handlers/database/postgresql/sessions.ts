/** Who is connected, without the values in what they run. */
import type { SessionInfo } from '../contract.js';
import type { PostgresTarget } from './connection-url.js';
import { maskStatement, statementKind } from './mask.js';
import { withSession } from './session.js';
import { readingName } from './session-names.js';

/** Other sessions of the database, longest first. What another role runs is hidden from an ordinary one: `query` is null. */
export async function sessions(target: PostgresTarget): Promise<SessionInfo[]> {
  const rows = await withSession(target, readingName('sessions'), (session) => session.query<SessionInfo>(SESSIONS));
  return Promise.all(rows.map(async (row) => ({ ...row, query: row.query === null ? null : await masked(row.query) })));
}

const SESSIONS = `
  SELECT pid AS id, usename::text AS "user", nullif(application_name, '') AS application, state,
    to_char(coalesce(xact_start, backend_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS since,
    nullif(nullif(query, ''), '<insufficient privilege>') AS query
  FROM pg_catalog.pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_catalog.pg_backend_pid() AND usesysid IS NOT NULL
  ORDER BY coalesce(xact_start, backend_start)`;

/** The server cuts long queries, and a cut literal does not scan: then only the kind is told. */
async function masked(query: string): Promise<string | null> {
  return (await maskStatement(query)) ?? statementKind(query);
}
