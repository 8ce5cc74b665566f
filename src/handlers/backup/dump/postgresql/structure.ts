/**
 * What a restore must bring back beside rows: every object by name, and of each what a dump writes and reads back the same.
 * Not the text of expressions: PostgreSQL writes `status IN ('a', 'b')` over a varchar otherwise after a restore than before,
 * and a sound backup must not be refused for it. Nor what a dump leaves out by design: invalid indexes. Versions of extensions
 * are carried over by extensions.ts, where the server still has them.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { BackupRecord } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import type { Session } from '../../../database/contract.js';
import type { Store } from '../../contract.js';
import { unusable } from '../../unusable.js';
import { readText } from '../small-files.js';

/** Beside the dump; its sha256 is in the manifest. */
export const STRUCTURE_FILE = 'structure.json';

const Structure = z.array(z.string());

/** How lines about roles begin. */
const OWNER = 'owner of ';
const GRANTS = 'grants of ';
const isAboutRoles = (line: string) => line.startsWith(OWNER) || line.startsWith(GRANTS);

const USERS = `n.nspname NOT IN ('information_schema', 'faber_db') AND n.nspname !~ '^pg_'`;
const notOfExtension = (catalog: string, oid: string) =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass AND e.objid = ${oid} AND e.deptype = 'e')`;
const RELATION = `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;
const OF_USERS = `${USERS} AND c.relpersistence <> 't' AND ${notOfExtension('pg_class', 'c.oid')}`;
/** With the defaults written out: a dump does not tell a privilege that is granted from one that always was there. */
const grants = (acl: string, kind: string, owner: string) => `(SELECT string_agg(format('%s=%s%s', CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::pg_catalog.regrole::text END,
  a.privilege_type, CASE WHEN a.is_grantable THEN '*' END), ',' ORDER BY a.grantee::pg_catalog.regrole::text COLLATE "C", a.privilege_type COLLATE "C")
  FROM pg_catalog.aclexplode(coalesce(${acl}, pg_catalog.acldefault(${kind}, ${owner}))) a)`;

/** An object's own line, one for whose it is and one for its grants: the latter two differ where it is restored for other roles. */
const lines = (name: string, facts: string, owner: string, granted: string) =>
  `LATERAL (VALUES (${name} || ': ' || ${facts}), ('${OWNER}' || ${name} || ': ' || ${owner}::pg_catalog.regrole), ('${GRANTS}' || ${name} || ': ' || ${granted})) l (line)`;

const QUERIES: readonly string[] = [
  `SELECT line FROM pg_catalog.pg_namespace n, ${lines("format('schema %I', n.nspname)", "''", 'n.nspowner', grants('n.nspacl', `'n'`, 'n.nspowner'))} WHERE ${USERS}`,
  `SELECT format('extension %I', extname) AS line FROM pg_catalog.pg_extension`,
  `SELECT line FROM ${RELATION}, ${lines(
    `format('%s %I.%I', CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END, n.nspname, c.relname)`,
    `format('%s %s', c.relkind, c.relpersistence) || CASE WHEN c.relrowsecurity THEN ' row security' ELSE '' END`,
    'c.relowner', grants('c.relacl', `CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char"`, 'c.relowner'),
  )} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${OF_USERS}`,
  `SELECT format('column %I.%I.%I: %s%s%s%s%s', n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' not null' END,
      CASE WHEN a.atthasdef THEN ' default' END, nullif(' identity ' || a.attidentity::text, ' identity '), nullif(' generated ' || a.attgenerated::text, ' generated ')) AS line
    FROM pg_catalog.pg_attribute a JOIN ${RELATION} ON c.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND ${OF_USERS}`,
  `SELECT format('index %I.%I: of %I, %s columns%s%s', n.nspname, i.relname, c.relname, x.indnatts, CASE WHEN x.indisunique THEN ' unique' END, CASE WHEN x.indisprimary THEN ' primary' END) AS line
    FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid JOIN ${RELATION} ON c.oid = x.indrelid WHERE x.indisvalid AND ${OF_USERS}`,
  `SELECT format('constraint %I.%I.%I: %s %s', n.nspname, c.relname, x.conname, x.contype, CASE WHEN x.convalidated THEN 'valid' ELSE 'not valid' END) AS line
    FROM pg_catalog.pg_constraint x JOIN ${RELATION} ON c.oid = x.conrelid WHERE x.contype <> 'n' AND ${OF_USERS}`,
  `SELECT format('trigger %I.%I.%I: %s', n.nspname, c.relname, t.tgname, t.tgenabled) AS line FROM pg_catalog.pg_trigger t JOIN ${RELATION} ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND ${OF_USERS}`,
  `SELECT format('policy %I.%I.%I: %s', n.nspname, c.relname, p.polname, p.polcmd) AS line FROM pg_catalog.pg_policy p JOIN ${RELATION} ON c.oid = p.polrelid WHERE ${OF_USERS}`,
  `SELECT format('rule %I.%I.%I: %s', n.nspname, c.relname, r.rulename, r.ev_enabled) AS line FROM pg_catalog.pg_rewrite r JOIN ${RELATION} ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN' AND ${OF_USERS}`,
  `SELECT line FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace, ${lines(
    `format('function %I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid))`, `format('%s %s', p.prokind, md5(p.prosrc))`,
    'p.proowner', grants('p.proacl', `'f'`, 'p.proowner'),
  )} WHERE ${USERS} AND ${notOfExtension('pg_proc', 'p.oid')}`,
  `SELECT line FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid, ${lines(
    `format('type %I.%I', n.nspname, t.typname)`,
    `format('%s %s', t.typtype, (SELECT string_agg(quote_literal(l.enumlabel), ',' ORDER BY l.enumsortorder) FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid))`, 't.typowner', 'NULL',
  )} WHERE ${USERS} AND ${notOfExtension('pg_type', 't.oid')} AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')`,
  `SELECT format('statistics %I.%I', n.nspname, s.stxname) AS line FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace WHERE ${USERS}`,
  `SELECT format('large objects: %s', count(*)) AS line FROM pg_catalog.pg_largeobject_metadata`,
  `SELECT format('comment on %s %s: %s', i.type, i.identity, md5(d.description)) AS line
    FROM pg_catalog.pg_description d JOIN ${RELATION} ON d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.objoid
      CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${OF_USERS}`,
];

/** One sorted line for each object, in the session's own transaction and snapshot. `search_path` is the caller's. */
export async function readStructure(session: Session): Promise<string[]> {
  const found: string[] = [];
  // Names of types are written with their schema, whatever path a role or database has.
  await session.query("SELECT pg_catalog.set_config('search_path', 'pg_catalog', true)");
  for (const query of QUERIES) found.push(...(await session.query<{ line: string | null }>(query)).flatMap(({ line }) => line ?? []));
  return found.sort();
}

/** The bytes of the file, and the digest that the manifest keeps of them. */
export function structureFile(lines: readonly string[]): { text: string; sha256: string } {
  const text = `${JSON.stringify(lines, null, 1)}\n`;
  return { text, sha256: createHash('sha256').update(text).digest('hex') };
}

/**
 * @param roles also compares owners and grants
 * @throws FaberError backup_unusable with the lines that differ. A manifest without a structure (an older one) is not compared.
 */
export async function requireSameStructure(store: Store, record: BackupRecord, session: Session, roles: boolean, signal: AbortSignal): Promise<void> {
  if (record.structure_sha256 === undefined) return;
  const there = await inReadTransaction(session, () => readStructure(session));
  const text = await readText(store, record, STRUCTURE_FILE, signal).catch(ifUnusable(''));
  if (createHash('sha256').update(text).digest('hex') !== record.structure_sha256) throw unusable(record, `its ${STRUCTURE_FILE} is missing or damaged`);
  const all = Structure.parse(JSON.parse(text));
  const compared = (lines: string[]) => (roles ? lines : lines.filter((line) => !isAboutRoles(line)));
  const [expected, found] = [compared(all), compared(there)];
  const differences = [...without(expected, found).map((line) => `missing: ${line}`), ...without(found, expected).map((line) => `not in the backup: ${line}`)];
  if (differences.length === 0) return;
  throw unusable(record, `${differences.length} object(s) are not as they were after a restore, first ${differences[0]!.slice(0, 300)}`, {
    differences: differences.slice(0, 20).map((line) => line.slice(0, 300)),
  });
}

function ifUnusable<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof FaberError && error.code === 'backup_unusable') return instead;
    throw error;
  };
}

async function inReadTransaction<T>(session: Session, read: () => Promise<T>): Promise<T> {
  await session.query('BEGIN READ ONLY');
  try {
    return await read();
  } finally {
    await session.query('ROLLBACK');
  }
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const there = new Set(others);
  return lines.filter((line) => !there.has(line));
}
