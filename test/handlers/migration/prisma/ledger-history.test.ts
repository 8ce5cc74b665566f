import { describe, expect, it } from 'vitest';
import type { LedgerRow } from '../../../../src/handlers/migration/contract.js';
import { ledgerDigest } from '../../../../src/handlers/migration/prisma/ledger.js';
import { digestsWhenApplied } from '../../../../src/handlers/migration/prisma/ledger-history.js';

const at = (minute: number) => `2026-01-01T10:${String(minute).padStart(2, '0')}:00.000Z`;
const row = (name: string, started: number, finished: number | null, rolledBack: number | null = null): LedgerRow => ({
  id: `${name}-${started}`, name, checksum: `sum-${name}`, logs: null,
  started_at: at(started), finished_at: finished === null ? null : at(finished), rolled_back_at: rolledBack === null ? null : at(rolledBack),
});
const digest = (...rows: LedgerRow[]) => ledgerDigest(rows);

describe('the ledger as it was', () => {
  // a, then b which failed once and was applied later, then c which was undone and applied again.
  const rows = [row('a', 1, 2), row('b', 3, null, 4), row('b', 5, 6), row('c', 7, 8, 9), row('c', 10, 11)];
  const ledger = { exists: true, rows, digest: '' };

  it('has a digest for each way in which just these were applied', () => {
    expect(digestsWhenApplied(ledger, [])).toEqual([digest()]);
    expect(digestsWhenApplied(ledger, ['a'])).toEqual([digest(row('a', 1, 2)), digest(row('a', 1, 2), row('b', 3, null, 4))]);
    const b = [row('a', 1, 2), row('b', 3, null, 4), row('b', 5, 6)];
    expect(digestsWhenApplied(ledger, ['a', 'b'])).toEqual([digest(...b), digest(...b, row('c', 7, 8, 9))]);
    expect(digestsWhenApplied(ledger, ['a', 'b', 'c'])).toHaveLength(2);
  });

  it('never counts a state in which one had begun and not ended, nor one that never was', () => {
    expect(digestsWhenApplied(ledger, ['a'])).not.toContain(digest(row('a', 1, 2), row('b', 3, null)));
    expect(digestsWhenApplied(ledger, ['b'])).toEqual([]);
  });
});
