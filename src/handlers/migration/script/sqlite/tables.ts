/** Which columns tables have, as far as scripts tell: a table that is rebuilt loses those that are not copied. */
import { kindOf, type Kind } from './kind.js';
import { parseScript } from './parse.js';

/** Names in lower case: SQLite compares them so. A table that is not in it is not known. */
export type Tables = Map<string, Set<string>>;

/** What these scripts, run in order on an empty database, make. */
export function tablesMadeBy(scripts: readonly Uint8Array[]): Tables {
  const tables: Tables = new Map();
  for (const script of scripts) for (const { tokens } of parseScript(script).statements) follow(tables, kindOf(tokens));
  return tables;
}

/** Takes a statement into account. */
export function follow(tables: Tables, kind: Kind): void {
  if (kind.is === 'create table') {
    // What a query makes has columns that only the database knows.
    if (kind.asQuery) tables.delete(key(kind.table));
    else if (!(kind.onlyIfMissing && tables.has(key(kind.table)))) tables.set(key(kind.table), new Set(kind.columns.map(key)));
  }
  if (kind.is === 'drop' && kind.what === 'table') tables.delete(key(kind.name));
  if (kind.is === 'add column') tables.get(key(kind.table))?.add(key(kind.column));
  if (kind.is === 'drop column') tables.get(key(kind.table))?.delete(key(kind.column));
  if (kind.is === 'rename column') tables.delete(key(kind.table));
  if (kind.is !== 'rename table') return;
  const columns = tables.get(key(kind.table));
  tables.delete(key(kind.table));
  if (columns) tables.set(key(kind.to), columns);
}

export const key = (name: string) => name.toLowerCase();
