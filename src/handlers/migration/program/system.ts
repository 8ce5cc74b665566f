/** What of migrations that are programs depends on the database system. */
import type { DataLoss } from '../../../contract/plan.js';
import type { ChangeOptions, ConnectionTarget, Fence, ScriptError, Session, StepRow } from '../../database/contract.js';
import type { Classification, Migration, StepContext } from '../contract.js';
import type { DriverFailure } from './messages.js';

/** How a tool's ledger is read. */
export interface LedgerShape {
  /** Column that orders the rows; the name of the migration is `name` everywhere. */
  order: string;
  /** Column with the time of applying. */
  at: string | null;
}

/** A transaction of the tool that holds the fence. */
export interface HeldTransaction { id: string | null }

export interface ProgramSystem {
  /** Holds something in the database that only sessions in the same database see. */
  hold(target: ConnectionTarget): Promise<{ isSeenBy(session: Session): Promise<boolean>; release(): Promise<void> }>;
  /** Of a driver's error, masked. */
  failure(failure: DriverFailure, sql: string): Promise<ScriptError>;
  /** Whether to try again: a lock that was not to be had, in a transaction that is undone. */
  isLockFailure(failure: DriverFailure): boolean;
  /** Limits of the transaction, and the fence. @throws FaberError fenced_off */
  enter(session: Session, fence: Fence, options: ChangeOptions): Promise<HeldTransaction>;
  /** The step, last in the transaction. @throws ScriptError when it is another one than at first */
  leave(session: Session, fence: Fence, held: HeldTransaction, step: Pick<StepRow, 'migration' | 'action'> & { ledgerId: string } | null): Promise<void>;
  /** Our own step of another operation, in the session's transaction. */
  recordStep(session: Session, step: Pick<StepRow, 'operation_id' | 'migration' | 'action'> & { ledgerId: string }): Promise<void>;
  /** Keeps other runners of the tool out until the transaction ends, and reads the ledger. */
  lockLedger(session: Session, schema: string, table: string): Promise<void>;
  ledgerRows(session: Session, schema: string, table: string, shape: LedgerShape): Promise<{ name: string; at: string | null }[] | null>;
  /** Whether the row of a tool's lock says that a runner is at work. */
  isLocked(session: Session, schema: string, table: string): Promise<boolean>;
  /** Names of the relations that belong to a table of the tool. */
  relationsOf(table: string, key: string | null): string[];
  /** See `Mark.incarnation`. */
  incarnation(session: Session): Promise<string>;
  /** Sessions other than ours that could be another runner's. */
  foreignSessions(session: Session): Promise<number>;
  /** Ends sessions of exactly this name and waits until they are gone. */
  endSessions(target: ConnectionTarget, name: string, context: Pick<StepContext, 'timeoutSeconds'>): Promise<void>;
  /** Which of the statements stay, by their own transactions, when everything was broken off. */
  lasting(statements: readonly { sql: string; connection: number; state: 'sent' | 'done' | 'failed' }[]): Promise<{ sql: string; state: 'sent' | 'done' | 'failed' }[]>;
  mask(sql: string): Promise<string>;
  classify(migration: Migration): Promise<Pick<Classification, 'risk' | 'findings' | 'statements'> & { losesNothing: boolean; reads: boolean }>;
  /** @throws FaberError would_lose_data */
  refuseLosses(session: Session | null, name: string, up: readonly string[], down: readonly string[], steps: readonly StepRow[]): Promise<void>;
  measureLosses(migrations: readonly Migration[], target: ConnectionTarget): Promise<DataLoss[]>;
  findObjects(statements: readonly string[], target: ConnectionTarget): Promise<string[]>;
}
