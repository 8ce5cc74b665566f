/** Exact rows per user table: what a restored backup is compared with. */
import type { TableCount } from '../../../../contract/backup.js';
import type { Session } from '../../../database/contract.js';

/** Tables a round trip: one statement over thousands of tables would hold its text and plan in memory. */
const BATCH = 100;

/**
 * Counts in the session's current transaction and snapshot. Left out: bookkeeping, tables that belong to an extension (their
 * rows come from CREATE EXTENSION), and materialized views (a restore refreshes them).
 */
export async function countRows(session: Session): Promise<TableCount[]> {
  const tables = await session.query<{ schema: string; table: string; select: string }>(`
    SELECT n.nspname AS schema, c.relname AS "table",
           format('SELECT %s AS i, pg_catalog.count(*)::text AS rows FROM ONLY %I.%I',
                  row_number() OVER (ORDER BY n.nspname, c.relname) - 1, n.nspname, c.relname) AS select
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence <> 't'
       AND n.nspname NOT IN ('information_schema', 'faber_db') AND n.nspname !~ '^pg_'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY n.nspname, c.relname`);
  const counts: TableCount[] = [];
  for (let from = 0; from < tables.length; from += BATCH) {
    const batch = tables.slice(from, from + BATCH);
    const rows = await session.query<{ i: string | number; rows: string }>(batch.map((t) => t.select).join(' UNION ALL '));
    for (const { i, rows: n } of rows) {
      const { schema, table } = tables[Number(i)]!;
      counts.push({ schema, table, rows: Number(n) });
    }
  }
  return counts;
}
