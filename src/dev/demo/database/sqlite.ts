/** A SQLite file with the shop's database: there is nothing to start. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import type { DemoDatabase } from './contract.js';
import { LEDGER, type Evidence } from './evidence.js';

/** @param project the folder that the URL is relative to */
export async function demoSqlite(project: string): Promise<DemoDatabase> {
  const file = join(project, 'shop.db');
  const version = reading(file, (database) => database.prepare('SELECT sqlite_version() AS version').get() as { version: string }).version;
  return {
    name: `SQLite ${version}`,
    place: file,
    url: 'file:./shop.db',
    example: 'shop-sqlite',
    env: {},
    schemaIsComparedBy: 'what SQLite tells of tables, keys and indexes',
    gather: async () => reading(file, evidence),
    leave: () => ({ end: [], folders: [] }),
  };
}

/** Opens the file, or makes an empty one. */
function reading<T>(file: string, read: (database: DatabaseSyncInstance) => T): T {
  const database = new DatabaseSync(file);
  try {
    return read(database);
  } finally {
    database.close();
  }
}

function evidence(database: DatabaseSyncInstance): Evidence {
  const all = (sql: string, ...parameters: unknown[]) => database.prepare(sql).all(...parameters) as Record<string, unknown>[];
  const names = all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> ? ORDER BY name", LEDGER).map(({ name }) => String(name));
  const schema = names.map((name) => [name, ...['table_xinfo', 'foreign_key_list', 'index_list'].map((pragma) => all(`SELECT * FROM pragma_${pragma}(?)`, name))]);
  const others = all("SELECT type, name, sql FROM sqlite_schema WHERE type <> 'table' ORDER BY type, name");
  const tables: Evidence['tables'] = {};
  for (const name of names) {
    const rows = all(`SELECT * FROM "${name}" ORDER BY rowid`);
    tables[name] = { rows: rows.length, checksum: digest(rows) };
  }
  const ledger = all(`SELECT migration_name AS name, finished_at IS NOT NULL AS finished FROM ${LEDGER} WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`);
  const of = (finished: number) => ledger.filter((row) => row['finished'] === finished).map(({ name }) => String(name));
  return { schema: digest([schema, others]), tables, ledger: { applied: of(1), unfinished: of(0) } };
}

const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');
