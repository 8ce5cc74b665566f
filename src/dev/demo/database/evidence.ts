/** What the demo compares to prove an undo: schema, rows and the migration tool's ledger, read without faber-db. */

export interface Evidence {
  /** A digest of the schema, bookkeeping left out. */
 
  schema: string;
  /** By table: how many rows, and a checksum over all of them. */
  tables: Record<string, { rows: number; checksum: string }>;
  ledger: { applied: string[]; unfinished: string[] };
}

export const LEDGER = '_prisma_migrations';

/** What differs, in words; empty when nothing does. */
export function differences(before: Evidence, after: Evidence): string[] {
  const found: string[] = [];
  if (before.schema !== after.schema) found.push('the schema is not as before');
  for (const table of new Set([...Object.keys(before.tables), ...Object.keys(after.tables)])) {
    if (before.tables[table]?.checksum !== after.tables[table]?.checksum) found.push(`the rows of ${table} are not as before`);
  }
  if (before.ledger.applied.join() !== after.ledger.applied.join()) found.push('the ledger lists other migrations than before');
  if (after.ledger.unfinished.length > 0) found.push(`the ledger holds unfinished ${after.ledger.unfinished.join(', ')}`);
  return found;
}
