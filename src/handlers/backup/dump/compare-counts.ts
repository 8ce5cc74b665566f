/** Rows per table, of a manifest and of what was restored from it. */
import type { TableCount } from '../../../contract/backup.js';

export interface CountDifference {
  schema: string;
  table: string;
  /** Rows in the manifest, null when it has no such table. */
  expected: number | null;
  /** Rows found, null when there is no such table. */
  found: number | null;
}

/** Differences between a manifest and a database; empty when equal. */
export function compareCounts(expected: readonly TableCount[], found: readonly TableCount[]): CountDifference[] {
  const key = (t: TableCount) => JSON.stringify([t.schema, t.table]);
  const there = new Map(found.map((t) => [key(t), t]));
  const differences: CountDifference[] = [];
  for (const table of expected) {
    const other = there.get(key(table));
    there.delete(key(table));
    if (other?.rows !== table.rows) differences.push({ schema: table.schema, table: table.table, expected: table.rows, found: other?.rows ?? null });
  }
  for (const extra of there.values()) differences.push({ schema: extra.schema, table: extra.table, expected: null, found: extra.rows });
  return differences;
}
