/** A schema as it is compared: objects by kind and name, with the SQL that people know them by. */
import type { SqliteTarget } from '../../database/sqlite/connection-url.js';
import { inSnapshot } from '../../database/sqlite/open.js';
import { readSchema } from '../../database/sqlite/schema-facts.js';
import { maskStatement } from '../../migration/script/sqlite/mask.js';

export interface SchemaObject {
  kind: string;
  name: string;
  /** The table that it is part of; null for one that stands by itself. */
  table: string | null;
  definition: string;
  sql: string | null;
}

export type Schema = ReadonlyMap<string, SchemaObject>;

/** @param ownTables of the migration tool: no part of what migrations make */
export async function schemaOf(target: SqliteTarget, ownTables: readonly string[]): Promise<Schema> {
  return inSnapshot(target, async (connection) => {
    const rows = await connection.query<{ type: string; name: string; sql: string }>('SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL');
    const texts = new Map(rows.map(({ type, name, sql }) => [`${type} ${name}`, type === 'trigger' ? maskStatement(sql) : sql]));
    const objects = new Map<string, SchemaObject>();
    for (const { kind, name, definition } of await readSchema(connection)) {
      const table = kind === 'table' || kind === 'view' || kind === 'trigger' ? null : tableOf(kind, name, definition);
      if (ownTables.includes(table ?? name)) continue;
      // The order of columns is no drift: what was added last may stand elsewhere in a rebuilt table.
      const told = kind === 'column' ? definition.replace(/^\d+ /, '') : definition;
      objects.set(`${kind} ${name}`, { kind, name, table, definition: told, sql: texts.get(`${kind} ${name}`) ?? (told || null) });
    }
    return objects;
  });
}

function tableOf(kind: string, name: string, definition: string): string {
  if (kind === 'index') return /^(?:UNIQUE )?on (.+?) \(/.exec(definition)?.[1] ?? name;
  return kind === 'foreign key' ? name.slice(0, name.indexOf(' (')) : name.slice(0, name.lastIndexOf('.'));
}
