/** The schema of a file as SQLite itself reads it, and a digest of it. */
import { createHash } from 'node:crypto';
import { is, nameIn, quoted, tokensOf, type Token } from '../../migration/script/sqlite/tokens.js';
import { Reader } from '../../migration/script/sqlite/read.js';
import type { SchemaFact } from '../contract.js';
import type { Connection } from './connection.js';
import type { SqliteTarget } from './connection-url.js';
import { inSnapshot } from './open.js';

/** Prisma's ledger is no part of what migrations make, nor are SQLite's own tables and what virtual tables keep theirs in. */
const LEFT_OUT = ['_prisma_migrations'];

/** Tables that people have made, virtual ones too. */
export const USER_TABLES = `SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`;

/** See `DatabaseHandler.schemaFingerprint`. */
export async function schemaFingerprint(target: SqliteTarget): Promise<string> {
  const facts = await schemaFacts(target);
  return createHash('sha256').update(facts.map(({ kind, name, definition }) => `${kind} ${name} ${definition}`).sort().join('\0')).digest('hex');
}

export const schemaFacts = (target: SqliteTarget): Promise<SchemaFact[]> => inSnapshot(target, readSchema);

export async function readSchema(connection: Connection): Promise<SchemaFact[]> {
  const tables = await connection.query<{ name: string; kind: string; strict: number; wr: number; sql: string }>(
    `SELECT l.name, l.type AS kind, l.strict, l.wr, m.sql FROM pragma_table_list l JOIN sqlite_master m ON m.name = l.name AND m.type = 'table'
      WHERE l.schema = 'main' AND l.type IN ('table', 'virtual') AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY l.name`,
  );
  const facts: SchemaFact[] = [];
  for (const table of tables) if (!LEFT_OUT.includes(table.name)) facts.push(...(await factsOf(connection, table)));
  const others = await connection.query<{ type: string; name: string; sql: string }>(`SELECT type, name, sql FROM sqlite_master WHERE type IN ('view', 'trigger') AND sql IS NOT NULL ORDER BY name`);
  return [...facts, ...others.map(({ type, name, sql }) => ({ kind: type, name, definition: normalized(tokensOf(sql)) }))];
}

async function factsOf(connection: Connection, { name, kind, strict, wr, sql }: { name: string; kind: string; strict: number; wr: number; sql: string }): Promise<SchemaFact[]> {
  const tokens = tokensOf(sql);
  if (kind === 'virtual') return [{ kind: 'table', name, definition: normalized(tokens) }];
  const columns = await connection.query<{ cid: number; name: string; type: string; required: number; value: string | null; pk: number; hidden: number }>('SELECT cid, name, type, "notnull" AS required, dflt_value AS value, pk, hidden FROM pragma_table_xinfo(?)', [name]);
  const keys = await connection.query<{ id: number; parent: string; on_update: string; on_delete: string; columns: string }>(
    `SELECT id, "table" AS parent, on_update, on_delete, group_concat(quote("from") || ' → ' || coalesce(quote("to"), 'key'), ', ') AS columns FROM (SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq) GROUP BY id`, [name]);
  const special = [strict ? 'STRICT' : '', wr ? 'WITHOUT ROWID' : '', tokens.some((token) => is(token, 'AUTOINCREMENT')) ? 'AUTOINCREMENT' : '', deferrable(tokens)].filter(Boolean).join(' ');
  const own = clauses(tokens);
  return [
    { kind: 'table', name, definition: special },
    ...columns.map((column) => ({
      kind: 'column', name: `${name}.${column.name}`,
      definition: `${column.cid + 1} ${column.type}${column.required ? ' NOT NULL' : ''}${column.value === null ? '' : ` DEFAULT ${normalized(tokensOf(column.value))}`}${column.pk ? ` PRIMARY KEY ${column.pk}` : ''}${own.of(column.name)}`,
    })),
    ...own.checks.map((check, index) => ({ kind: 'check', name: `${name}.${index + 1}`, definition: check })),
    ...keys.map(({ parent, on_update, on_delete, columns: pairs }) => ({ kind: 'foreign key', name: `${name} (${pairs})`, definition: `${parent} ON UPDATE ${on_update} ON DELETE ${on_delete}` })),
    ...(await indexesOf(connection, name)),
  ];
}

async function indexesOf(connection: Connection, table: string): Promise<SchemaFact[]> {
  const indexes = await connection.query<{ name: string; uniq: number; origin: string; sql: string | null }>(
    `SELECT l.name, l."unique" AS uniq, l.origin, m.sql FROM pragma_index_list(?) l LEFT JOIN sqlite_master m ON m.type = 'index' AND m.name = l.name`, [table]);
  const facts: SchemaFact[] = [];
  for (const { name, uniq, origin, sql } of indexes) {
    const parts = await connection.query<{ column: string | null; down: number; coll: string | null }>(`SELECT name AS "column", "desc" AS down, coll FROM pragma_index_xinfo(?) WHERE key = 1`, [name]);
    const columns = parts.map(({ column, down, coll }) => `${column ?? 'expression'}${down ? ' DESC' : ''}${coll === 'BINARY' ? '' : ` ${coll}`}`).join(', ');
    // What stands behind ON tells expressions and the WHERE of a partial index.
    const behind = sql === null ? '' : normalized(afterOn(tokensOf(sql)));
    facts.push({ kind: 'index', name: origin === 'c' ? name : `${table} (${columns})`, definition: `${uniq ? 'UNIQUE ' : ''}on ${table} (${columns}) ${/ where |expression/.test(`${columns}${behind}`) ? behind : ''}`.trim() });
  }
  return facts;
}

function afterOn(tokens: readonly Token[]): Token[] {
  return tokens.slice(tokens.findIndex((token) => is(token, 'ON')) + 1);
}

/** Of a CREATE TABLE: what no pragma tells. */
function clauses(tokens: readonly Token[]): { checks: string[]; of: (column: string) => string } {
  const read = new Reader(tokens);
  while (read.at < tokens.length && !is(read.next, '(')) read.at += 1;
  const checks: string[] = [];
  const columns = new Map<string, string>();
  for (const part of read.list() ?? []) {
    for (let at = 0; at < part.length; at += 1) {
      if (is(part[at], 'CHECK')) checks.push(normalized(new Reader(part.slice(at + 1)).list()?.flat() ?? []));
    }
    const collate = part.findIndex((token) => is(token, 'COLLATE'));
    const generated = part.findIndex((token) => is(token, 'AS'));
    const name = part[0] === undefined ? '' : nameIn(part[0]);
    columns.set(name, `${collate === -1 ? '' : ` ${normalized(part.slice(collate, collate + 2))}`}${generated === -1 ? '' : ` ${normalized(part.slice(generated))}`}`);
  }
  return { checks: checks.sort(), of: (column) => columns.get(column) ?? '' };
}

function deferrable(tokens: readonly Token[]): string {
  return tokens.some((token, at) => is(token, 'INITIALLY') && is(tokens[at + 1], 'DEFERRED')) ? 'DEFERRED' : '';
}

/** Equal for scripts that differ in spaces, comments, case of keywords and kinds of quotes only. */
function normalized(tokens: readonly Token[]): string {
  return tokens.map((token) => (token.kind === 'quoted' ? plainName(nameIn(token)) : token.kind === 'word' ? token.text.toLowerCase() : token.text)).join(' ');
}

const plainName = (name: string) => (/^[A-Za-z_]\w*$/.test(name) ? name.toLowerCase() : quoted(name));
