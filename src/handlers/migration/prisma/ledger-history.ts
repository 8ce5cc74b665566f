/** The ledger as it was: rows tell when they were begun, finished and rolled back. */
import type { Ledger, LedgerRow } from '../contract.js';
import { compare } from './compare.js';
import { ledgerDigest } from './ledger.js';

/** See `MigrationHandler.digestsWhenApplied`. Before the first row the ledger was empty. */
export function digestsWhenApplied(ledger: Ledger, applied: readonly string[]): string[] {
  const wanted = new Set(applied);
  const times = ledger.rows.flatMap((row) => [row.started_at, row.finished_at, row.rolled_back_at]).filter((at) => at !== null);
  const digests = new Set<string>();
  for (const time of new Set(['', ...times])) {
    const rows = asOf(ledger.rows, time);
    const status = compare([], { exists: true, rows, digest: '' });
    const same = status.applied.length === wanted.size && status.applied.every((name) => wanted.has(name));
    if (same && status.failed.length === 0) digests.add(ledgerDigest(rows));
  }
  return [...digests];
}

/** ISO 8601 in UTC compares as text. */
function asOf(rows: readonly LedgerRow[], time: string): LedgerRow[] {
  const past = (at: string | null) => (at !== null && at <= time ? at : null);
  return rows
    .filter((row) => row.started_at === null || row.started_at <= time)
    .map((row) => ({ ...row, finished_at: past(row.finished_at), rolled_back_at: past(row.rolled_back_at) }));
}
