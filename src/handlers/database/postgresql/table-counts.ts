/** Exact rows per user table. */
import pg from 'pg';
import type { PostgresTarget } from './connection-url.js';
import { withSession } from './session.js';
import { readingName } from './session-names.js';

/** Counts in one snapshot. Left out: bookkeeping, temporary tables, tables of extensions. */
export async function tableCounts(target: PostgresTarget): Promise<{ schema: string; table: string; rows: number }[]> {
  return withSession(target, readingName('counts'), async (session) => {
    await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const tables = await session.query<{ schema: string; table: string }>(TABLES);
    const counts = [];
    for (const { schema, table } of tables) {
      const [row] = await session.query<{ rows: string }>(`SELECT count(*) AS rows FROM ONLY ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`);
      counts.push({ schema, table, rows: Number(row!.rows) });
    }
    return counts;
  });
}

/** Every user table, by schema and name. */
export const TABLES = `
  SELECT n.nspname::text AS schema, c.relname::text AS "table"
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('information_schema', 'faber_db') AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY 1, 2`;
