/** What differs between two schemas, object by object, as SQL. */
import type { DriftDifference } from '../../../contract/drift.js';
import { names } from '../../migration/script/postgresql/tree.js';
import { tableDifferences } from './columns.js';
import type { SchemaStatement } from './statements.js';

export type Schema = ReadonlyMap<string, SchemaStatement>;

/** @param made what the migrations make; `there`: the database. Sorted by object. */
export function schemaDifferences(made: Schema, there: Schema): DriftDifference[] {
  const differences: DriftDifference[] = [];
  for (const statement of made.values()) {
    const now = there.get(statement.object);
    if (now === undefined) {
      if (!comesWith(statement, made, there)) differences.push(gone(statement, made));
    } else if (now.canonical !== statement.canonical) differences.push(...changed(statement, now));
  }
  for (const statement of there.values()) {
    if (made.has(statement.object) || comesWith(statement, there, made)) continue;
    differences.push({ object: statement.object, difference: 'not_in_migrations', sql: whole(statement, there), in_migrations: null, in_database: whole(statement, there) });
  }
  return differences.sort((a, b) => (a.object < b.object ? -1 : a.object > b.object ? 1 : 0));
}

/** Part of a table that is on one side only: told with the table. */
function comesWith({ of }: SchemaStatement, mine: Schema, other: Schema): boolean {
  return of !== null && mine.has(of) && !other.has(of);
}

/** With everything that comes with it, in the order of the dump. */
function whole(statement: SchemaStatement, schema: Schema): string {
  const parts = [...schema.values()].filter(({ of, object }) => of === statement.object || object === statement.object);
  return parts.map(({ sql }) => `${sql};`).join('\n');
}

function gone(statement: SchemaStatement, made: Schema): DriftDifference {
  return { object: statement.object, difference: 'not_in_database', sql: statement.drop === null ? null : `${statement.drop};`, in_migrations: whole(statement, made), in_database: null };
}

function changed(made: SchemaStatement, now: SchemaStatement): DriftDifference[] {
  if ('CreateStmt' in made.node && 'CreateStmt' in now.node) {
    const inside = tableDifferences(made.object.slice('table '.length), made.sql, now.sql);
    // Other than in the order of its columns, the table may be what it should be.
    if (inside !== null) return inside;
  }
  return [{ object: made.object, difference: 'changed', sql: changeSql(made, now), in_migrations: `${made.sql};`, in_database: `${now.sql};` }];
}

function changeSql(made: SchemaStatement, now: SchemaStatement): string | null {
  if ('CreateEnumStmt' in made.node && 'CreateEnumStmt' in now.node) {
    return addedValues(made.object.slice('type '.length), labels(made.node.CreateEnumStmt.vals), labels(now.node.CreateEnumStmt.vals));
  }
  switch (made.change) {
    case 'replace': return `${now.sql.replace(/^CREATE /, 'CREATE OR REPLACE ')};`;
    case 'drop and create': return `${made.drop};\n${now.sql};`;
    case 'run': return `${now.sql};`;
    case null: return null;
  }
}

const labels = (values: Parameters<typeof names>[0]) => names(values);

/** Values can be added and not taken away. */
function addedValues(type: string, made: readonly string[], now: readonly string[]): string | null {
  if (made.some((label) => !now.includes(label)) || now.filter((label) => made.includes(label)).join('\0') !== made.join('\0')) return null;
  const literal = (label: string) => `'${label.replaceAll("'", "''")}'`;
  return now
    .flatMap((label, index) => {
      if (made.includes(label)) return [];
      const before = now[index - 1];
      const place = before === undefined ? ` BEFORE ${literal(now.find((other) => made.includes(other)) ?? label)}` : index === now.length - 1 ? '' : ` AFTER ${literal(before)}`;
      return [`ALTER TYPE ${type} ADD VALUE ${literal(label)}${place};`];
    })
    .join('\n');
}
