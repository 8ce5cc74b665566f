/** What of Prisma depends on the database system: the SQL of its ledger, and how scripts are read, run and undone there. */
import type { Migration, MigrationHandler } from '../contract.js';
import type { Session } from '../../database/contract.js';

export interface PrismaRunner
  extends Pick<
    MigrationHandler,
    'readLedger' | 'ensureLedger' | 'apply' | 'revert' | 'resolve' | 'baseline' | 'classify' | 'findObjects' | 'measureLosses' | 'makeSchema'
  > {
  /** What `provider` in migration_lock.toml may be: Prisma refuses (P3019) migrations that were written for another one. The first is written. */
  readonly providers: readonly string[];
  /** Absent where Prisma's engine, as it is published for programs, does not know the system. */
  readonly generation?: ScriptGeneration;
}

/** How scripts of Prisma's engine are made into migrations. */
export interface ScriptGeneration {
  /** The system, as the engine calls it. */
  readonly engine: 'postgres' | 'sqlite';
  /** As people call it. */
  readonly system: string;
  /**
   * What can be kept of a script of the engine.
   * @param schema to be taken off names; null: names keep theirs
   */
  arrange(script: string, schema: string | null): Promise<string>;
  /** What in it destroys data or fails on tables with rows, a sentence each. */
  dangers(script: string, before: readonly Pick<Migration, 'up'>[]): Promise<string[]>;
  /** Runs it as a migration runs. @throws ScriptError */
  run(session: Session, script: string): Promise<void>;
}
