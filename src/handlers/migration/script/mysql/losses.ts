/** Whether a down script would lose data, and how much. */
import { FaberError } from '../../../../contract/failure.js';
import type { DataLoss } from '../../../../contract/plan.js';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../../database/contract.js';
import { quoted } from '../../../database/mysql/names.js';
import type { Migration } from '../../contract.js';
import type { Change } from './change.js';
import { plain, scriptEffects } from './effects.js';
import type { Reverse } from './reverse.js';
import { parseScript, type QualifiedName, type Script } from './statements.js';
import { sqlName } from './touched.js';

/** What a statement takes away: rows of a table, or values of a column. */
interface Taken { table: QualifiedName; column: string | null }

/** What exactly it takes; null where that is not told by the statement alone. */
function takenBy(change: Change): Taken[] | null {
  if (change.kind === 'drop_tables') return change.tables.map((table) => ({ table, column: null }));
  if (change.kind !== 'alter_table') return null;
  if (change.actions.some(({ kind }) => kind === 'modify_column' || kind === 'drop_partition' || kind === 'other')) return null;
  return change.actions.flatMap((action) => (action.kind === 'drop_column' ? [{ table: change.table, column: action.column }] : []));
}

/**
 * What has to be held and asked right before a statement of a down script. MySQL does not tell who wrote a row, so every row of a
 * table that it drops counts as written by others, and every value of a column that is not the column's default.
 * @throws FaberError would_lose_data where it cannot be asked
 */
export function lossChecks(database: string, name: string, change: Change, destroys: boolean): Pick<Reverse, 'lock' | 'checks'> {
  if (!destroys) return { lock: [], checks: [] };
  const taken = takenBy(change);
  if (taken === null) throw wouldLose(name, 'what its down script does to data is not told by its statements');
  return {
    lock: [...new Set(taken.map(({ table }) => sqlName(database, table)))],
    checks: taken.map(({ table, column }) => `SELECT 1 FROM ${sqlName(database, table)}${column === null ? '' : ` WHERE NOT (${quoted(column)} <=> DEFAULT(${quoted(column)}))`} LIMIT 1`),
  };
}

/**
 * Refuses a down script before anything of it runs, as far as can be told now; each statement is asked once more under its locks.
 * @throws FaberError would_lose_data
 */
export async function refuseLosses(session: Session, database: string, name: string, up: Script, down: Script): Promise<void> {
  if (up.error || down.error) throw wouldLose(name, 'its scripts cannot be read');
  const removed = scriptEffects(up).find((effect) => effect.destroys !== 'no');
  if (removed) throw wouldLose(name, `what the script did in line ${removed.line} does not come back (${removed.message})`);
  for (const { change, destroys } of scriptEffects(down)) {
    for (const check of lossChecks(database, name, change, destroys !== 'no').checks) {
      // A table or column that is not there holds nothing; the down itself will tell.
      const found = await session.query(check).catch(() => []);
      if (found.length > 0) throw wouldLose(name, `${takenBy(change)!.map(({ table, column }) => (column === null ? plain(table) : `${plain(table)}, column ${column},`)).join(', ')} holds what others may have written`);
    }
  }
}

export function wouldLose(name: string, why: string): FaberError {
  return new FaberError({
    code: 'would_lose_data',
    message: `Reverting ${name} would lose data: ${why}. It was not reverted.`,
    result: { migration: name },
    suggestions: ['Keep the migration and mend it forward, or have a person decide to revert it and take the loss.'],
  });
}

/** The places of migrations in their order; what an earlier one takes away whole is not counted again. */
export async function measureLosses(database: DatabaseHandler, migrations: readonly Migration[], target: ConnectionTarget): Promise<DataLoss[]> {
  const places: (Taken & { migration: string })[] = [];
  for (const { name, down } of migrations) {
    if (down === null) continue;
    for (const { change, destroys } of scriptEffects(parseScript(down))) {
      if (destroys === 'no') continue;
      for (const taken of countable(change)) {
        const covered = places.some((place) => plain(place.table) === plain(taken.table) && (place.column === null || place.column === taken.column));
        if (!covered) places.push({ ...taken, migration: name });
      }
    }
  }
  const measured = await database.measure(target, places.map(({ table, column }) => ({ table: table.database === null ? quoted(table.name) : sqlName('', table), column })));
  return places.map(({ table, column, migration }, at) => ({ table: plain(table), column, rows: measured[at]?.rows ?? null, exact: measured[at]?.exact ?? false, migration }));
}

function countable(change: Change): Taken[] {
  if (change.kind === 'truncate') return [{ table: change.table, column: null }];
  if (change.kind === 'rows') return change.verb === 'DELETE' && !change.where && change.table !== null ? [{ table: change.table, column: null }] : [];
  if (change.kind === 'alter_table') {
    return change.actions.flatMap((action) => (action.kind === 'drop_column' || action.kind === 'modify_column' ? [{ table: change.table, column: action.column }] : []));
  }
  return takenBy(change) ?? [];
}
