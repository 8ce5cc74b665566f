/** What an operation takes away, in numbers and in words: evidence for whoever approves it. */
import { tableName, type BackupRecord } from '../contract/backup.js';
import type { DataLoss } from '../contract/plan.js';
import type { Resources } from './dependencies.js';

/** Many tables would hide the ones that matter; all are in the numbers. */
const MOST_LINES = 20;

const plural = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;

/** One line a place. */
export function describeLosses(losses: readonly DataLoss[]): string[] {
  return losses.map(({ table, column, rows, exact, migration }) => {
    const where = column === null ? table : `${table}, column ${column}`;
    const by = migration === undefined ? '' : `${migration}: `;
    if (rows === null) return `${by}${where}: could not be counted`;
    return `${by}${where}: ${exact ? '' : 'about '}${plural(rows, column === null ? 'row' : 'value')}`;
  });
}

export interface LossesOfRestore {
  losses: DataLoss[];
  lines: string[];
}

/**
 * Rows that are in the database and not in the backup, by numbers of rows: at least so many, since a row that was changed or
 * replaced is not told by a number.
 * @param identity of the database as it is: a backup of another one gives none of its rows back
 * @param ownTables those of the migration tool, which a restore takes back on purpose
 */
export async function lossesOfRestore({ database, target }: Resources, record: BackupRecord, identity: string, ownTables: readonly string[]): Promise<LossesOfRestore> {
  const now = await database.measureTables(target).catch(() => null);
  const own = record.identity === identity;
  const since = own
    ? `All that was written since ${record.created_at} is not in the restored database; the replaced database is kept beside it`
    : 'Nothing of the database as it is will be in the restored one; the replaced database is kept beside it';
  if (now === null) return { losses: [], lines: [since, 'How many rows that is could not be counted: the database is missing or cannot be read'] };
  if (own && record.tables === null) return { losses: [], lines: [since, 'How many rows that is cannot be told: the backup is a snapshot whose rows were never counted'] };
  const then = new Map((own ? (record.tables ?? []) : []).map((count) => [tableName(count), count.rows]));
  const tables = now.filter(({ table }) => !ownTables.includes(table)).map((one) => ({ name: tableName(one), measured: one.measured, before: then.get(tableName(one)) }));
  const more = tables.filter(({ measured, before }) => measured === null || before === undefined || measured.rows > before);
  const losses = more.map(({ name, measured, before }): DataLoss => ({
    table: name, column: null, rows: measured === null ? null : measured.rows - (before ?? 0), exact: false,
  }));
  const lines = more.map(({ name, measured, before }) => {
    if (measured === null) return `${name}: could not be counted`;
    const counted = `${measured.exact ? '' : 'about '}${plural(measured.rows, 'row')} now`;
    return before === undefined ? `${name}: ${own ? 'not in the backup' : 'all of it'}, ${counted}` : `${name}: at least ${plural(measured.rows - before, 'row')} (${counted}, ${before} in the backup)`;
  });
  const none = own && more.length === 0 ? ['No table has more rows now than in the backup; rows that were changed since are not told by that'] : [];
  const hidden = lines.length > MOST_LINES ? [`and ${lines.length - MOST_LINES} more tables`] : [];
  return { losses, lines: [since, ...none, ...lines.slice(0, MOST_LINES), ...hidden] };
}
