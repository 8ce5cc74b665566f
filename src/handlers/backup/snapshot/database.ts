/** What backups by snapshot need of the database system that runs on the server. */
import type { BackupRecord, TableCount } from '../../../contract/backup.js';
import type { ConnectionTarget, Session } from '../../database/contract.js';

export interface Exchange {
  operationId: string;
  /** Of the restored server. */
  side: ConnectionTarget;
  guard: (replaced: Session | null) => Promise<void>;
  signal: AbortSignal;
  /** Gives the restored server the name of the one that serves. */
  rename: () => Promise<void>;
}

export interface SnapshotDatabase {
  /** The same database, role and parameters on another server. */
  at(target: ConnectionTarget, endpoint: { host: string; port: number }): ConnectionTarget;
  /** Whether both lead to one and the same running server; a restored copy of it is another. @throws FaberError health_check_failed */
  isSameServer(one: ConnectionTarget, other: ConnectionTarget): Promise<boolean>;
  /** Where its writes stand: asked before a snapshot is, since too early only costs certainty, and too late would hide a write. */
  position(target: ConnectionTarget): Promise<BackupRecord['snapshot']>;
  /** Other databases on the server, which a restore of it takes back too. */
  otherDatabases(target: ConnectionTarget): Promise<string[]>;
  /** Rows per table, all in one snapshot of the database. */
  count(target: ConnectionTarget, signal: AbortSignal): Promise<TableCount[]>;
  /** How many tables there are. */
  tables(target: ConnectionTarget): Promise<number>;
  /** A server that was restored from a snapshot lets connections and writes in, whatever was held off when it was taken. */
  open(restored: ConnectionTarget): Promise<void>;
  /**
   * Shuts the database that serves, asks the guard, carries the bookkeeping over, renames. The replaced database stays shut: who has its old
   * address in a cache would go on writing into it. When nothing was renamed it is opened again.
   */
  exchange(target: ConnectionTarget, exchange: Exchange): Promise<void>;
  /** Carries no bookkeeping over: the database that served is gone. */
  begin(restored: ConnectionTarget): Promise<void>;
  /** Lets connections in again, where an exchange that will not be finished had shut them out. */
  reopen(target: ConnectionTarget): Promise<void>;
  /** Whether it can be connected to, and is not a replaced one. */
  serves(target: ConnectionTarget): Promise<boolean>;
  /** Who is connected to a replaced database; null: it cannot be told. */
  connected(replaced: ConnectionTarget): Promise<number | null>;
}
