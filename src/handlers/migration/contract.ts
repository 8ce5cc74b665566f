/**
 * The port to a migration tool. An implementation knows one tool, reads and writes that tool's own ledger, and knows
 * nothing of Temporal. It talks to the database through `DatabaseHandler`.
 */
import type { DataLoss, Finding, TransactionClass, UndoClass } from '../../contract/plan.js';
import type { Risk, Settings } from '../../contract/settings.js';
import type { SeedCommand } from '../seed/contract.js';
import type { ChangeOptions, ConnectionTarget, DatabaseHandler, Fence, ScriptFailure } from '../database/contract.js';

/** One migration as it stands in the project: bytes, not text, because the checksum is over bytes. */
export interface Migration {
  name: string;
  up: Uint8Array;
  /** Hand-written or generated down script, if there is one. */
  down: Uint8Array | null;
  /** Path relative to the working directory, for messages. */
  file: string;
  /** Present where the migration is a program of its tool, and `up` the bytes of its file. */
  program?: ProgramFacts;
}

/** What is known of a migration that is a program, as it is kept in the plan's artifact. */
export interface ProgramFacts {
  transaction: TransactionClass;
  /** Files that must be as they were right before it runs: its own, and the tool's config. Relative to the working directory. */
  files: ProgramFile[];
  /** What it sent when it was tried on an empty database; null: it was not tried. */
  tried: TriedProgram | null;
}

export interface ProgramFile { path: string; sha256: string }

export interface TriedProgram {
  /** Statements in order, without the tool's own and without parameters. */
  up: string[];
  /** null: not tried. */
  down: string[] | null;
  /** Why it failed there, masked; null: it did not. */
  failed: string | null;
}

export interface Project {
  migrations: Migration[];
  /** Tool's name and version as found, for example `prisma 7.10.1`. */
  tool: string;
  warnings: string[];
}

/** A row of the tool's ledger, in the order in which it was written. */
export interface LedgerRow {
  id: string;
  name: string;
  checksum: string | null;
  started_at: string | null;
  finished_at: string | null;
  rolled_back_at: string | null;
  /** Masked; the full text stays in the database. */
  logs: string | null;
}

export interface Ledger {
  exists: boolean;
  rows: LedgerRow[];
  /** sha256 (hex) over what decides: name, checksum, finished or not, rolled back or not. */
  digest: string;
}

/** Project and ledger side by side. */
export interface MigrationStatus {
  applied: string[];
  pending: string[];
  /** Rows begun and neither finished nor rolled back. */
  failed: { name: string; started_at: string | null; evidence: string }[];
  /** Applied with another checksum than the file has now. */
  edited: string[];
  /** Applied, and not in the project any more. */
  missing: string[];
  /** Pending although a later one is applied. */
  out_of_order: string[];
}

/** What the classification of one migration's script found. */
export interface Classification {
  transaction: TransactionClass;
  undo: UndoClass;
  risk: Risk;
  findings: Finding[];
  statements: number;
}

export type StepOutcome =
  | { status: 'applied' | 'reverted' | 'already'; duration_ms: number }
  /** Rolled back by the database: nothing of this migration is there. */
  | { status: 'failed'; failure: ScriptFailure; detail: string; duration_ms: number; halfApplied: false }
  /** A standalone script failed or was cut off: what is there must be looked at. `leftovers` says what was found and cleaned. */
  | { status: 'failed'; failure: ScriptFailure; detail: string; duration_ms: number; halfApplied: true; leftovers: string[] };

export interface StepContext extends ChangeOptions {
  target: ConnectionTarget;
  fence: Fence;
  settings: Settings;
  /** Per statement that cannot run in a transaction. */
  concurrentTimeoutSeconds: number;
}

export interface RevertContext extends StepContext {
  /** Undo only where nothing is lost of what others than this operation wrote. */
  refuseLosses?: { operationId: string } | null;
  /** The migrations before it, in order; as for `classify`. */
  before?: readonly Pick<Migration, 'up'>[];
}

export interface GenerateRequest {
  /** What the migration is for; becomes part of its name. */
  name: string;
  operationId: string;
  /** When it was asked for, milliseconds since 1970. */
  at: number;
  signal: AbortSignal;
  onProgress: (what: string) => void;
  /** The worker's own; FABER_DB_ROOTS says which folders it may use. */
  variables?: NodeJS.ProcessEnv;
}

export interface GeneratedMigration {
  /** As it was written; null: the project's migrations make what its datamodel says, and nothing was written. */
  migration: Migration | null;
  /** Its folder, or its file where it is a program, relative to the working directory. */
  path: string | null;
  /** What trying its scripts found. */
  findings: Finding[];
}

export interface TryOutInput {
  undone: readonly string[];
  operationId: string;
  signal: AbortSignal;
  onProgress: (what: string) => void;
}

export interface RehearsalInput {
  /** What the database holds already, in order. */
  applied: readonly Migration[];
  /** What is tried, in order. */
  pending: readonly Migration[];
  operationId: string;
  signal: AbortSignal;
  onProgress: (what: string) => void;
}

export interface MigrationHandler {
  readonly tool: Settings['migration_tool'];

  /**
   * Reads the project.
   * @param variables the worker's own; FABER_DB_ROOTS says which folders it may read
   * @throws FaberError plan_failed (unreadable), unsupported (version), invalid_request and config_invalid (outside the roots).
   */
  readProject(settings: Settings, variables?: NodeJS.ProcessEnv): Promise<Project>;

  /** The folder that a relative path in the database's URL starts from; absent: the working directory. @throws FaberError as readProject */
  databaseFolder?(settings: Settings, variables?: NodeJS.ProcessEnv): Promise<string>;

  /** Reads the ledger; a database without one is `exists: false`. */
  readLedger(target: ConnectionTarget, settings: Settings): Promise<Ledger>;

  /** Pure comparison. */
  compare(migrations: readonly Pick<Migration, 'name' | 'up'>[], ledger: Ledger): MigrationStatus;

  /**
   * Digests that the ledger had whenever exactly these migrations were applied and none had failed, as far as its rows tell:
   * by them a backup is found whose database was in that state. Pure.
   */
  digestsWhenApplied(ledger: Ledger, applied: readonly string[]): string[];

  /** How the project says that it is seeded; null: it does not. @throws FaberError plan_failed when that cannot be read */
  seedCommand(settings: Settings): Promise<SeedCommand | null>;

  /** What the down scripts of these migrations, run in this order, take away: counted on the database as it is. */
  measureLosses(migrations: readonly Migration[], target: ConnectionTarget): Promise<DataLoss[]>;

  /**
   * Classifies up and down by the real grammar.
   * @param before the migrations before it, in order: what a statement takes away can depend on what they made
   */
  classify(migration: Migration, before?: readonly Pick<Migration, 'up'>[]): Promise<Classification>;

  /** Creates the ledger when missing, as the tool itself would. */
  ensureLedger(context: StepContext): Promise<void>;

  /**
   * Applies one migration exactly once: already finished by this operation → `already`. A standalone script that an
   * earlier attempt of this operation began is decided by looking.
   */
  apply(migration: Migration, context: StepContext): Promise<StepOutcome>;

  /**
   * Runs the down script and makes the ledger so that the tool sees the migration as pending.
   * @throws FaberError would_lose_data with `refuseLosses`, before anything of this migration is undone: data that was
   *   written by others since the operation began, or that the up script removed, would be lost.
   */
  revert(migration: Migration, context: RevertContext): Promise<StepOutcome>;

  /**
   * Looks which objects of a script are there: evidence for settling a failed row of another runner.
   * @returns one line an object (`table orders is there`), without definitions.
   */
  findObjects(migration: Pick<Migration, 'up' | 'program'>, target: ConnectionTarget): Promise<string[]>;

  /** Settles a failed row of another runner, as `prisma migrate resolve` would. */
  resolve(migration: Pick<Migration, 'name' | 'up'>, as: 'applied' | 'rolled_back', context: StepContext): Promise<void>;

  /** Records migrations as applied without running them, in one transaction. */
  baseline(migrations: readonly Pick<Migration, 'name' | 'up'>[], context: StepContext): Promise<void>;

  /** Names of the tool's own tables, the ledger first, in the schema of the target. They are no part of what migrations make. */
  ownTables(settings: Settings): readonly string[];

  /**
   * Where migrations are programs: finds out on a scratch database what they send, and what their downs do. Nothing of the target is
   * changed. What cannot be found out is left untold, and the classification says so.
   * @param undone names of applied migrations that the plan may undo, in the order of undoing
   * @returns the same migrations, those that are pending or undone with what was found
   */
  tryOut?(migrations: readonly Migration[], target: ConnectionTarget, settings: Settings, input: TryOutInput): Promise<Migration[]>;

  /**
   * Makes the schema of the given migrations in an empty scratch database, without a ledger. What reaches outside of the database
   * (roles, other databases, other servers) is left out.
   * @returns what was left out, in words
   * @throws FaberError plan_failed when one fails on an empty database
   */
  makeSchema(migrations: readonly Migration[], scratch: ConnectionTarget, settings: Settings, signal: AbortSignal): Promise<string[]>;

  /**
   * Takes migrations up, then down as far as down scripts go, then up again, on a scratch database of the target's server; after
   * each down the schema must be as before its up.
   * @returns names that went down and up again, and the migration that ended the way down
   * @throws FaberError phase_failed that says where; nothing but the scratch database was touched
   */
  rehearse(target: ConnectionTarget, settings: Settings, input: RehearsalInput): Promise<{ down: string[]; stoppedAt: string | null }>;

  /**
   * Makes a migration and its down script of the change between the project's migrations and its datamodel, tries both on a
   * scratch database of the target's server, and writes them. Safe to attempt again with the same operation id.
   * @throws FaberError plan_failed, lock_timeout; nothing was written then.
   */
  generate(target: ConnectionTarget, settings: Settings, request: GenerateRequest): Promise<GeneratedMigration>;
}

/** Builds the handler of a tool over a database handler. @throws FaberError unsupported. */
export type MigrationHandlers = (tool: Settings['migration_tool'], database: DatabaseHandler) => MigrationHandler;
