/**
 * The port to drift: how the schema of a database differs from what its applied migrations make. An implementation knows one
 * database system; which scripts make the schema is told by the migration tool's handler.
 */
import type { DriftDifference } from '../../contract/drift.js';
import type { Settings } from '../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler } from '../database/contract.js';
import type { Migration, MigrationHandler } from '../migration/contract.js';

export interface DriftRequest {
  target: ConnectionTarget;
  tool: MigrationHandler;
  settings: Settings;
  /** What the database is compared with, in order. */
  migrations: readonly Migration[];
  /** The operation, after which scratch databases are named. */
  id: string;
  signal: AbortSignal;
  progress?: (what: string) => void;
}

export interface FoundDrift {
  differences: DriftDifference[];
  /** What could not be looked at, or was left out. */
  notes: string[];
}

export interface DriftHandler {
  /**
   * Makes the schema of the migrations in a scratch database on the same server and compares. The target is only read; the
   * scratch database never survives.
   * @throws FaberError when it cannot be told, with what to do: unsupported (no right to create a database, no pg_dump),
   *   plan_failed (a migration fails on an empty database), lock_timeout, health_check_failed
   */
  find(request: DriftRequest): Promise<FoundDrift>;
}

/** The handler of a provider. @throws FaberError unsupported. */
export type DriftHandlers = (provider: Settings['provider'], database: DatabaseHandler) => DriftHandler;
