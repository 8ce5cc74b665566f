/** What down scripts would take away, counted on the database as it is. */
import type { DataLoss } from '../../../../contract/plan.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import type { Migration } from '../../contract.js';
import { scriptEffects, type Taken } from './effects.js';
import { parseScript } from './parse.js';
import { key, type Tables } from './tables.js';
import { quoted, sameName } from './tokens.js';

/** The places of migrations in their order; what an earlier one takes away whole is not counted again. */
export async function measureLosses(database: DatabaseHandler, migrations: readonly Migration[], target: ConnectionTarget): Promise<DataLoss[]> {
  const tables = await tablesOf(database, target);
  const places: (Taken & { migration: string })[] = [];
  for (const { name, down } of migrations) {
    if (down === null) continue;
    for (const { destroys, taken } of scriptEffects(parseScript(down), tables)) {
      if (destroys === 'no') continue;
      for (const one of taken ?? []) if (!places.some((place) => covers(place, one))) places.push({ ...one, migration: name });
    }
  }
  const measured = await database.measure(target, places.map(({ table, column }) => ({ table: quoted(table), column })));
  return places.map(({ table, column, migration }, at) => {
    const count = measured[at] ?? null;
    return { table, column, rows: count?.rows ?? null, exact: count?.exact ?? false, migration };
  });
}

/** Columns as they are in the database. */
export async function tablesOf(database: DatabaseHandler, target: ConnectionTarget): Promise<Tables> {
  const tables: Tables = new Map();
  for (const { kind, name } of await database.schemaFacts(target)) {
    if (kind === 'table') tables.set(key(name), new Set());
    const dot = name.lastIndexOf('.');
    if (kind === 'column') tables.get(key(name.slice(0, dot)))?.add(key(name.slice(dot + 1)));
  }
  return tables;
}

const covers = (place: Taken, taken: Taken) => sameName(place.table, taken.table) && (place.column === null || (taken.column !== null && sameName(place.column, taken.column)));
