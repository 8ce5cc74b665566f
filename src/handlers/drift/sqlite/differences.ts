/** What differs between two schemas, object by object. */
import type { DriftDifference } from '../../../contract/drift.js';
import { quoted } from '../../migration/script/sqlite/tokens.js';
import type { Schema, SchemaObject } from './schema.js';

/** @param made by the migrations */
export function differencesOf(made: Schema, there: Schema): DriftDifference[] {
  const keys = [...new Set([...made.keys(), ...there.keys()])].sort();
  return keys.flatMap((key): DriftDifference[] => {
    const [before, now] = [made.get(key), there.get(key)];
    if (before?.definition === now?.definition || isPartOf(before ?? now!, before === undefined ? made : there)) return [];
    const difference = before === undefined ? 'not_in_migrations' : now === undefined ? 'not_in_database' : 'changed';
    return [{ object: key, difference, sql: sqlOf(before, now), in_migrations: before?.sql ?? null, in_database: now?.sql ?? null }];
  });
}

/** Of a table that one side has not at all, nothing but that is told. */
const isPartOf = ({ table }: SchemaObject, missing: Schema) => table !== null && !missing.has(`table ${table}`);

/** SQLite changes little of a table: for the rest there is no single statement. */
function sqlOf(before: SchemaObject | undefined, now: SchemaObject | undefined): string | null {
  const { kind, name, table } = (now ?? before)!;
  const column = name.slice(name.lastIndexOf('.') + 1);
  if (kind === 'column' && now === undefined) return `ALTER TABLE ${quoted(table!)} DROP COLUMN ${quoted(column)};`;
  if (kind === 'column') return before === undefined ? `ALTER TABLE ${quoted(table!)} ADD COLUMN ${quoted(column)} ${now!.definition};` : null;
  if (kind === 'check' || kind === 'foreign key' || (kind === 'index' && / \(/.test(name))) return null;
  const drop = `DROP ${kind.toUpperCase()} ${quoted(name)};`;
  if (now === undefined) return drop;
  if (before === undefined) return `${now.sql};`;
  return kind === 'table' ? null : `${drop}\n${now.sql};`;
}
