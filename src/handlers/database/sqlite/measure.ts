/** Counts rows: exactly, or for people to decide by in bounded time. */
import { quoted } from '../../migration/script/sqlite/tokens.js';
import { ScriptError, type Measured, type Place } from '../contract.js';
import type { Connection } from './connection.js';
import type { SqliteTarget } from './connection-url.js';
import { inSnapshot } from './open.js';
import { USER_TABLES } from './schema-facts.js';

/** A plan must not keep anybody waiting for the count of a file of a hundred gigabytes. */
const ALL_MS = 30_000;

export interface Count { schema: string; table: string; rows: number }

/** See `DatabaseHandler.tableCounts`. */
export const tableCounts = (target: SqliteTarget): Promise<Count[]> => inSnapshot(target, countTables);

export async function countTables(connection: Connection): Promise<Count[]> {
  const counts: Count[] = [];
  for (const table of await tablesIn(connection)) {
    const [row] = await connection.query<{ n: number }>(`SELECT count(*) AS n FROM main.${quoted(table)}`);
    counts.push({ schema: 'main', table, rows: row!.n });
  }
  return counts;
}

async function tablesIn(connection: Connection): Promise<string[]> {
  return (await connection.query<{ name: string }>(`${USER_TABLES} ORDER BY name`)).map(({ name }) => name);
}

/** See `DatabaseHandler.measureTables`. */
export async function measureTables(target: SqliteTarget): Promise<{ schema: string; table: string; measured: Measured | null }[]> {
  return inSnapshot(target, async (connection) => {
    const tables = await tablesIn(connection);
    const measured = await each(connection, tables.map((table) => ({ table: quoted(table), column: null })));
    return tables.map((table, index) => ({ schema: 'main', table, measured: measured[index] ?? null }));
  });
}

/** See `DatabaseHandler.measure`. */
export async function measure(target: SqliteTarget, places: readonly Place[]): Promise<(Measured | null)[]> {
  return places.length === 0 ? [] : inSnapshot(target, (connection) => each(connection, places));
}

/** SQLite keeps no number of rows: what could not be counted in time has none. */
async function each(connection: Connection, places: readonly Place[]): Promise<(Measured | null)[]> {
  const measured: (Measured | null)[] = [];
  const timer = setTimeout(() => void connection.process.kill(), ALL_MS);
  try {
    for (const place of places) measured.push(await count(connection, place));
    return measured;
  } finally {
    clearTimeout(timer);
  }
}

async function count(connection: Connection, { table, column }: Place): Promise<Measured | null> {
  try {
    // In double quotes, a column that is not there would be text, which every row has.
    const [row] = await connection.query<{ n: number }>(`SELECT count(${column === null ? '*' : `t.${quoted(column)}`}) AS n FROM ${table} t`);
    return { rows: row!.n, exact: true };
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    return null;
  }
}
