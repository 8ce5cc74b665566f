/** What down scripts would take away, counted on the database as it is. */
import type { DataLoss } from '../../../../contract/plan.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import type { Migration } from '../../contract.js';
import { parseScript } from './parse.js';
import { scriptEffects } from './script-effects.js';
import { countable, type Taken } from './taken.js';

/** The places of migrations in their order; what an earlier one takes away whole is not counted again. */
export async function measureLosses(database: DatabaseHandler, migrations: readonly Migration[], target: ConnectionTarget): Promise<DataLoss[]> {
  const places: (Taken & { migration: string })[] = [];
  for (const { name, down } of migrations) {
    if (down === null) continue;
    for (const { node, destroys } of scriptEffects(await parseScript(down))) {
      if (destroys === 'no') continue;
      for (const taken of countable(node)) if (!places.some((place) => covers(place, taken))) places.push({ ...taken, migration: name });
    }
  }
  const measured = await database.measure(target, places);
  return places.map(({ table, column, migration }, at) => {
    const count = measured[at] ?? null;
    return { table: plainName(table), column, rows: count?.rows ?? null, exact: count?.exact ?? false, migration };
  });
}

const covers = (place: Taken, taken: Taken) => place.table === taken.table && (place.column === null || place.column === taken.column);

/** `"public"."orders"` as people write it. */
const plainName = (quoted: string) => quoted.replace(/"((?:[^"]|"")*)"/g, (_, name: string) => name.replaceAll('""', '"'));
