/**
 * One query for each kind of fact, each giving `name` and `definition`. Names instead of object ids, and numbers of columns by
 * order instead of by attnum, which keeps a hole where a column was dropped.
 */

const OURS = `('faber_db', 'information_schema')`;
/** A namespace `n` of the user's. */
const USER_SCHEMA = `n.nspname NOT IN ${OURS} AND n.nspname !~ '^pg_'`;
/** Stands for the names of the migration tool's own relations. */
const OWN = '$own_relations$';
/** Members of an extension come and go with it. */
const notOfExtension = (catalog: string, alias: string) =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${alias}.oid AND e.deptype = 'e')`;
const owner = (column: string) => `pg_get_userbyid(${column})`;
/** Privileges in a fixed order. */
const grants = (column: string) => `(SELECT string_agg(a::text, ',' ORDER BY a::text COLLATE "C") FROM unnest(${column}) a)`;
const RELATION = `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${USER_SCHEMA} AND c.relname <> ALL (${OWN}) AND c.relpersistence <> 't' AND ${notOfExtension('pg_class', 'c')}`;
const OF_RELATION = (column: string) => `JOIN pg_class c ON c.oid = ${column} JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${USER_SCHEMA} AND c.relname <> ALL (${OWN}) AND c.relpersistence <> 't' AND ${notOfExtension('pg_class', 'c')}`;
const RELATION_NAME = `format('%I.%I', n.nspname, c.relname)`;

/** @param own names of the migration tool's own relations, which are no part of the schema */
export function schemaQueries(own: readonly string[]): [kind: string, sql: string][] {
  const list = `ARRAY[${own.map((name) => `'${name.replaceAll("'", "''")}'`).join(', ')}]::text[]`;
  return Object.entries(SCHEMA_QUERIES).map(([kind, sql]) => [kind, sql.replaceAll(OWN, list)]);
}

const SCHEMA_QUERIES: Record<string, string> = {
  schema: `SELECT format('%I', n.nspname) AS name, concat_ws(' ', ${owner('n.nspowner')}, ${grants('n.nspacl')}) AS definition FROM pg_namespace n WHERE ${USER_SCHEMA}`,

  extension: `SELECT format('%I', e.extname) AS name, concat_ws(' ', e.extversion, n.nspname) AS definition FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`,

  relation: `SELECT ${RELATION_NAME} AS name,
      concat_ws(' ', c.relkind, c.relpersistence, ${owner('c.relowner')}, ${grants('c.relacl')}, c.reloptions::text, c.relrowsecurity, c.relforcerowsecurity,
        c.relreplident, am.amname, ts.spcname, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid), c.reloftype::regtype,
        (SELECT string_agg(i.inhparent::regclass::text, ',' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid)) AS definition
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am am ON am.oid = c.relam LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${USER_SCHEMA} AND c.relname <> ALL (${OWN}) AND c.relpersistence <> 't' AND ${notOfExtension('pg_class', 'c')}`,

  column: `SELECT format('%s.%I', ${RELATION_NAME}, a.attname) AS name,
      concat_ws(' ', row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
        'default', pg_get_expr(d.adbin, d.adrelid), 'collation', a.attcollation::regcollation, a.attstorage, to_jsonb(a)->>'attcompression',
        a.attislocal, a.attinhcount, ${grants('a.attacl')}, a.attoptions::text, a.attfdwoptions::text, nullif((to_jsonb(a)->>'attstattarget'), '-1')) AS definition
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum ${OF_RELATION('a.attrelid')}
      AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')`,

  index: `SELECT format('%I.%I', n.nspname, i.relname) AS name,
      concat_ws(' ', pg_get_indexdef(x.indexrelid), 'valid', x.indisvalid, 'ready', x.indisready, 'clustered', x.indisclustered, 'replica', x.indisreplident, i.reloptions::text) AS definition
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid ${OF_RELATION('x.indrelid')}`,

  constraint: `SELECT format('%s.%I', coalesce(nullif(x.conrelid, 0)::regclass::text, x.contypid::regtype::text), x.conname) AS name,
      concat_ws(' ', x.contype, pg_get_constraintdef(x.oid), 'valid', x.convalidated, x.conislocal, x.coninhcount) AS definition
    FROM pg_constraint x JOIN pg_namespace n ON n.oid = x.connamespace LEFT JOIN pg_class c ON c.oid = x.conrelid
    WHERE ${USER_SCHEMA} AND coalesce(c.relname, '') <> ALL (${OWN}) AND ${notOfExtension('pg_constraint', 'x')}
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e' AND ((e.classid = 'pg_class'::regclass AND e.objid = x.conrelid) OR (e.classid = 'pg_type'::regclass AND e.objid = x.contypid)))`,

  view: `SELECT ${RELATION_NAME} AS name, pg_get_viewdef(c.oid) || CASE WHEN c.relkind = 'm' THEN ' populated ' || c.relispopulated ELSE '' END AS definition
    ${RELATION} AND c.relkind IN ('v', 'm')`,

  rule: `SELECT format('%s.%I', ${RELATION_NAME}, r.rulename) AS name, concat_ws(' ', pg_get_ruledef(r.oid), r.ev_enabled) AS definition
    FROM pg_rewrite r ${OF_RELATION('r.ev_class')} AND r.rulename <> '_RETURN'`,

  sequence: `SELECT ${RELATION_NAME} AS name,
      concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle,
        (SELECT format('owned by %s.%s %s', d.refobjid::regclass, d.refobjsubid, d.deptype) FROM pg_depend d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))) AS definition
    FROM pg_sequence s ${OF_RELATION('s.seqrelid')}`,

  trigger: `SELECT format('%s.%I', ${RELATION_NAME}, t.tgname) AS name, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled) AS definition
    FROM pg_trigger t ${OF_RELATION('t.tgrelid')} AND NOT t.tgisinternal`,

  policy: `SELECT format('%s.%I', ${RELATION_NAME}, p.polname) AS name,
      concat_ws(' ', p.polcmd, p.polpermissive, (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r) END, ',' ORDER BY r) FROM unnest(p.polroles) r),
        'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)) AS definition
    FROM pg_policy p ${OF_RELATION('p.polrelid')}`,

  statistics: `SELECT format('%I.%I', n.nspname, s.stxname) AS name, concat_ws(' ', pg_get_statisticsobjdef(s.oid), ${owner('s.stxowner')}) AS definition
    FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE ${USER_SCHEMA}`,

  function: `SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS name,
      concat_ws(' ', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END, ${owner('p.proowner')}, ${grants('p.proacl')}) AS definition
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${USER_SCHEMA} AND ${notOfExtension('pg_proc', 'p')}`,

  aggregate: `SELECT format('%s', a.aggfnoid::regprocedure) AS name,
      concat_ws(' ', a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggtranstype::regtype, a.agginitval, a.aggkind, a.aggsortop::regoperator) AS definition
    FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${USER_SCHEMA} AND ${notOfExtension('pg_proc', 'p')}`,

  operator: `SELECT o.oid::regoperator::text AS name, concat_ws(' ', o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest, o.oprjoin, o.oprcanhash, o.oprcanmerge) AS definition
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE ${USER_SCHEMA} AND ${notOfExtension('pg_operator', 'o')}`,

  type: `SELECT format('%I.%I', n.nspname, t.typname) AS name,
      concat_ws(' ', t.typtype, ${owner('t.typowner')}, ${grants('t.typacl')}, nullif(t.typbasetype, 0)::regtype, t.typtypmod, t.typnotnull, t.typdefault,
        t.typcollation::regcollation, (SELECT string_agg(quote_literal(l.enumlabel), ',' ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid),
        (SELECT format('range of %s', r.rngsubtype::regtype) FROM pg_range r WHERE r.rngtypid = t.oid)) AS definition
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE ${USER_SCHEMA} AND ${notOfExtension('pg_type', 't')} AND t.typelem = 0 AND (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c') OR (t.typtype = 'b' AND t.typelem = 0))`,

  cast: `SELECT format('%s as %s', x.castsource::regtype, x.casttarget::regtype) AS name, concat_ws(' ', x.castfunc::regprocedure, x.castcontext, x.castmethod) AS definition
    FROM pg_cast x WHERE x.oid >= 16384 AND ${notOfExtension('pg_cast', 'x')}`,

  collation: `SELECT format('%I.%I', n.nspname, l.collname) AS name, to_jsonb(l) - '{oid,collname,collnamespace,collowner,collversion}'::text[] || jsonb_build_object('owner', ${owner('l.collowner')}) AS definition
    FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace WHERE ${USER_SCHEMA} AND ${notOfExtension('pg_collation', 'l')}`,

  text_search: `SELECT format('%I.%I', n.nspname, f.cfgname) AS name,
      (SELECT string_agg(format('%s %s', m.maptokentype, m.mapdict::regdictionary), ',' ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = f.oid) AS definition
    FROM pg_ts_config f JOIN pg_namespace n ON n.oid = f.cfgnamespace WHERE ${USER_SCHEMA} AND ${notOfExtension('pg_ts_config', 'f')}`,

  default_privileges: `SELECT concat_ws(' ', ${owner('x.defaclrole')}, n.nspname, x.defaclobjtype) AS name, ${grants('x.defaclacl')} AS definition
    FROM pg_default_acl x LEFT JOIN pg_namespace n ON n.oid = x.defaclnamespace`,

  event_trigger: `SELECT format('%I', t.evtname) AS name, concat_ws(' ', t.evtevent, t.evtfoid::regprocedure, t.evtenabled, t.evttags::text) AS definition FROM pg_event_trigger t WHERE ${notOfExtension('pg_event_trigger', 't')}`,

  publication: `SELECT format('%I', p.pubname) AS name,
      concat_ws(' ', to_jsonb(p) - '{oid,pubname,pubowner}'::text[], (SELECT string_agg(r.prrelid::regclass::text, ',' ORDER BY r.prrelid::regclass::text) FROM pg_publication_rel r WHERE r.prpubid = p.oid)) AS definition
    FROM pg_publication p`,

  foreign_server: `SELECT format('%I', s.srvname) AS name, concat_ws(' ', w.fdwname, s.srvtype, s.srvversion, s.srvoptions::text, ${owner('s.srvowner')}, ${grants('s.srvacl')}) AS definition
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw`,

  foreign_table: `SELECT ${RELATION_NAME} AS name, concat_ws(' ', s.srvname, t.ftoptions::text) AS definition
    FROM pg_foreign_table t JOIN pg_foreign_server s ON s.oid = t.ftserver ${OF_RELATION('t.ftrelid')}`,

  comment: `SELECT concat_ws(' ', i.type, i.identity) AS name, d.description AS definition
    FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
    WHERE d.objoid >= 16384 AND coalesce(i.schema, '') NOT IN ${OURS} AND i.identity NOT LIKE 'faber\\_db%' AND NOT EXISTS (SELECT FROM unnest(${OWN}) own WHERE i.identity ~ ('(^|[. "])' || own || '([. "]|$|_)'))
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')`,

  security_label: `SELECT concat_ws(' ', l.provider, i.type, i.identity) AS name, l.label AS definition
    FROM pg_seclabel l CROSS JOIN LATERAL pg_identify_object(l.classoid, l.objoid, l.objsubid) i`,
};
