/** What of Prisma depends on the database system: the SQL of its ledger, and how scripts are read, run and undone there. */
import type { MigrationHandler } from '../contract.js';

export interface PrismaRunner
  extends Pick<
    MigrationHandler,
    'readLedger' | 'ensureLedger' | 'apply' | 'revert' | 'resolve' | 'baseline' | 'classify' | 'findObjects' | 'measureLosses' | 'makeSchema'
  > {
  /** What `provider` in migration_lock.toml may be: Prisma refuses (P3019) migrations that were written for another one. */
  readonly providers: readonly string[];
}
