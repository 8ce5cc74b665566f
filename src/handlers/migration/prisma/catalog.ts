/** The objects of a database with their definitions, as the server itself writes them. */
import type { Session } from '../../database/contract.js';
import { LEDGER_TABLE } from './ledger-table.js';

/**
 * Object (`index public.users_email_key`) → definition. Left out: system schemas, our bookkeeping, the ledger, what
 * belongs to an extension, owners and grants (they differ between servers by intent).
 */
export async function catalogObjects(session: Session): Promise<Map<string, string>> {
  // Names in definitions are qualified only where search_path does not reach, so it must be the same on both sides.
  await session.query(`SELECT pg_catalog.set_config('search_path', '', false)`);
  const rows = await session.query<{ object: string; definition: string }>(OBJECTS, [LEDGER_TABLE]);
  return new Map(rows.map(({ object, definition }) => [object, definition]));
}

/** Column order is left out: a column that was added later stands last, and no query of an application sees it. */
const OBJECTS = `
WITH schemas AS (
  SELECT oid, nspname FROM pg_catalog.pg_namespace
   WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'faber_db')
), extension_owned AS (
  SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
), relations AS (
  SELECT c.*, format('%I.%I', s.nspname, c.relname) AS name FROM pg_catalog.pg_class c JOIN schemas s ON s.oid = c.relnamespace
   WHERE c.relname <> $1 AND NOT EXISTS (SELECT FROM extension_owned e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid)
)
SELECT format('schema %I', nspname) AS object, '' AS definition FROM schemas
UNION ALL
SELECT CASE relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence ' ELSE 'table ' END || name,
       concat_ws(' ', relkind, relpersistence, reloptions::text, relrowsecurity, relforcerowsecurity,
         CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END, pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid))
  FROM relations WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
UNION ALL
SELECT format('column %s.%I', r.name, a.attname),
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attcollation, pg_get_expr(d.adbin, d.adrelid))
  FROM relations r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE r.relkind IN ('r', 'p', 'f')
UNION ALL
SELECT format('index %s', r.name), concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid)
  FROM relations r JOIN pg_catalog.pg_index i ON i.indexrelid = r.oid
  JOIN relations t ON t.oid = i.indrelid
UNION ALL
SELECT format('constraint %I on %s', k.conname, r.name), concat_ws(' ', pg_get_constraintdef(k.oid), k.convalidated)
  FROM pg_catalog.pg_constraint k JOIN relations r ON r.oid = k.conrelid
UNION ALL
SELECT format('trigger %I on %s', t.tgname, r.name), concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
  FROM pg_catalog.pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT format('policy %I on %s', p.polname, r.name),
       concat_ws(' ', p.polcmd, p.polpermissive, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  FROM pg_catalog.pg_policy p JOIN relations r ON r.oid = p.polrelid
UNION ALL
SELECT format('routine %I.%I(%s)', s.nspname, f.proname, pg_get_function_identity_arguments(f.oid)),
       CASE WHEN f.prokind IN ('f', 'p', 'w') THEN pg_get_functiondef(f.oid) ELSE 'aggregate' END
  FROM pg_catalog.pg_proc f JOIN schemas s ON s.oid = f.pronamespace
 WHERE NOT EXISTS (SELECT FROM extension_owned e WHERE e.classid = 'pg_proc'::regclass AND e.objid = f.oid)
UNION ALL
SELECT format('type %I.%I', s.nspname, t.typname),
       concat_ws(' ', t.typtype, (SELECT string_agg(quote_literal(enumlabel), ',' ORDER BY enumsortorder) FROM pg_catalog.pg_enum WHERE enumtypid = t.oid),
         CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) || ' ' || t.typnotnull || ' ' || coalesce(t.typdefault, '') END)
  FROM pg_catalog.pg_type t JOIN schemas s ON s.oid = t.typnamespace
 WHERE t.typtype IN ('e', 'd', 'r')
   AND NOT EXISTS (SELECT FROM extension_owned e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid)
UNION ALL
SELECT format('extension %I', extname), '' FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'`;
