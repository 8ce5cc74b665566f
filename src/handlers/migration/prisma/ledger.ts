/** What Prisma's ledger is on every database. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../contract/canonical.js';
import type { LedgerRow } from '../contract.js';

export const LEDGER_TABLE = '_prisma_migrations';

/** Only what decides: a retry of a failed migration by another runner changes times, logs and ids, not what is to be done. */
export function ledgerDigest(rows: readonly Pick<LedgerRow, 'name' | 'checksum' | 'finished_at' | 'rolled_back_at'>[]): string {
  const deciding = rows.map((row) => ({
    name: row.name, checksum: row.checksum, finished: row.finished_at !== null, rolled_back: row.rolled_back_at !== null,
  }));
  return createHash('sha256').update(canonicalJson(deciding)).digest('hex');
}
