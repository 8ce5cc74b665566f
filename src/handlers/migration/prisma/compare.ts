/** Project and ledger side by side, by Prisma's rules. */
import { matchesChecksum } from '../script/checksum.js';
import type { Ledger, Migration, MigrationStatus } from '../contract.js';

/** Pure. The ledger's digest and order are not looked at, only its rows. */
export function compare(migrations: readonly Pick<Migration, 'name' | 'up'>[], ledger: Ledger): MigrationStatus {
  const open = ledger.rows.filter((row) => row.rolled_back_at === null);
  const finished = new Map(open.filter((row) => row.finished_at !== null).map((row) => [row.name, row]));
  // Prisma stops at such a row (P3009) even where another row of the same migration is finished.
  const failedRows = [...new Map(open.filter((row) => row.finished_at === null).map((row) => [row.name, row])).values()];
  const known = new Set(migrations.map((migration) => migration.name));
  const failedNames = new Set(failedRows.map((row) => row.name));
  const pending = migrations.map(({ name }) => name).filter((name) => !finished.has(name) && !failedNames.has(name));
  const lastApplied = migrations.findLastIndex(({ name }) => finished.has(name));
  return {
    applied: [...finished.keys()],
    pending,
    failed: failedRows.map((row) => ({
      name: row.name,
      started_at: row.started_at,
      evidence: `begun ${row.started_at ?? 'at an unknown time'} and never finished: ${row.logs ?? 'no error was recorded, so its runner was probably killed'}`,
    })),
    edited: migrations.filter(({ name, up }) => {
      const row = finished.get(name);
      return row !== undefined && row.checksum !== null && !matchesChecksum(up, row.checksum);
    }).map(({ name }) => name),
    missing: [...finished.keys()].filter((name) => !known.has(name)),
    out_of_order: migrations.slice(0, Math.max(0, lastApplied)).map(({ name }) => name).filter((name) => pending.includes(name)),
  };
}
