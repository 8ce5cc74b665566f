/**
 * The port to a database system. An implementation knows one system and nothing of Temporal or of migration tools:
 * progress comes out through callbacks, cancellation comes in as an AbortSignal.
 *
 * All methods throw `FaberError` for expected failures (unreachable: `health_check_failed` with
 * `result: {connectivity: 'failed', error_details}`), with text that has passed redaction.
 */
import { FaberError } from '../../contract/failure.js';
import type { HealthCheck } from '../../contract/health.js';
import type { Settings } from '../../contract/settings.js';

/**
 * Where and as whom to connect. Made from the URL in the environment's variable by the handler's `target()`.
 * It holds the password: it must never be serialised, so `toJSON()` and inspection give only `describe()`.
 */
export interface ConnectionTarget {
  readonly database: string;
  /** The schema that migrations run in and where the tool's ledger is: `?schema=`, else `public`. Sessions get it as search_path. */
  readonly schema: string;
  /** The same server, role and schema, another database. */
  withDatabase(database: string): ConnectionTarget;
  /**
   * The same, for an operation that ends the sessions of others anyway (a restore): where every place of the database is
   * taken, some of them are ended for a session of ours.
   */
  insisting(): ConnectionTarget;
  /** The same; sessions opened through it break off when the signal aborts, also on a server that answers nothing any more. */
  within(signal: AbortSignal): ConnectionTarget;
  /**
   * A URL of this target for a program of others, whose sessions show as `applicationName`. It holds the password: it goes into the
   * environment of that one program and nowhere else.
   */
  secretUrl(applicationName: string): string;
  /** Host, port and database without any secret, for messages: `db.internal:5432/shop`. */
  describe(): string;
  toJSON(): string;
  /** Every secret in this target in the forms it can appear in (plain, percent-encoded), for redaction. */
  readonly secrets: readonly string[];
}

/** `type`: the server's number of the column's type (PostgreSQL: its OID). */
export interface TypedRows { columns: { name: string; type: number }[]; rows: unknown[][] }

/** One session (connection) to the database. */
export interface Session {
  /** Server-side id of the session (PostgreSQL: backend pid). */
  readonly id: number;
  /** A single statement with parameters. Rows as objects. */
  query<Row = Record<string, unknown>>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
  /** The same for programs that read results by type: columns with the numbers of their types, rows as arrays. */
  queryTyped(sql: string, parameters: readonly unknown[]): Promise<TypedRows>;
  /**
   * A whole script of many statements in one simple-protocol message.
   * @throws ScriptError when a statement fails.
   */
  script(sql: string): Promise<void>;
  close(): Promise<void>;
}

/** Why a script failed: facts only, no row value and no literal. */
export interface ScriptFailure {
  sqlState: string | null;
  /** The server's primary message with literals and values masked. */
  message: string;
  /** 1-based line in the script. */
  line: number | null;
  /** 0-based index of the failing statement. */
  statementIndex: number | null;
  /** The failing statement with its literals masked, at most 500 characters. */
  statement: string | null;
  /** Names of the objects that the server told: schema, table, column, constraint. */
  objects: Record<string, string>;
  /** The connection broke: whether the script took effect is unknown. */
  connectionLost: boolean;
}

export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  /** `detail` is the unmasked text (DETAIL, CONTEXT, full message): for a mode-0600 artifact only. */
  constructor(readonly failure: ScriptFailure, readonly detail: string, options?: { cause?: unknown }) {
    super(failure.message, options);
  }
}

/** Whether the database is not there, or lets nobody in. One whose every place is taken is there, and others write to it. */
export function letsNobodyIn(error: unknown): boolean {
  return error instanceof FaberError && error.code === 'health_check_failed' && error.result?.['full'] !== true;
}

/** What identifies a database. */
export interface DatabaseIdentity {
  /** `postgresql:<system identifier>/<database>`; equal for every route to the same database. */
  identity: string;
  database: string;
  serverVersion: string;
  /** Major version, for matching clients. */
  serverMajor: number;
  standby: boolean;
  sizeBytes: number | null;
  /** The environment that `faber_db.marker` names, or null. */
  marker: string | null;
  /** There is no such database on the server. Only with `mayBeMissing`. */
  missing?: true;
  /** No user tables at all. */
  empty: boolean;
  /** A pooler in transaction mode sits in between; session state cannot be relied on. */
  pooled: boolean;
  /** How that was recognised; present when `pooled`. */
  pooledReason?: string;
}

/** A changing operation as `faber_db.operations` remembers it. */
export interface OperationRow {
  operation_id: string;
  operation: string;
  environment: string;
  request_digest: string;
  plan_hash: string | null;
  artifact: string | null;
  begun_at: string;
  ended_at: string | null;
  /** The answer (JSON) that was given at the end. */
  answer: unknown;
  requested_by: string | null;
}

/** A step of a changing operation: one migration that it applied or reverted. Written in the same transaction as the change where that is possible. */
export interface StepRow {
  operation_id: string;
  migration: string;
  /** started: a standalone script began and its end was not recorded. */
  action: 'applied' | 'reverted' | 'started';
  /** Key of the ledger row that belongs to it. */
  ledger_id: string | null;
  /** Transaction id, where the step ran in one. */
  xid: string | null;
  at: string;
}

/**
 * The right to change the database, taken by incrementing the token in `faber_db.fence` after ending the sessions of
 * earlier holders. Every changing transaction locks the row and aborts with `fenced_off` unless the token is its own.
 */
export interface Fence {
  readonly token: string;
  readonly operationId: string;
}

export interface ChangeOptions {
  signal: AbortSignal;
  /** Keep trying for a lock this long (seconds); each single try waits at most two seconds. */
  lockTimeoutSeconds: number;
  /** A transaction may run this long (seconds). */
  timeoutSeconds: number;
  /** When this attempt was handed out (ms, one clock for all attempts of an operation): of two, the later one may change. */
  attemptAt?: number;
  /** Key of the advisory lock that the migration tool holds while it migrates: `inTransaction` takes it with the fence. */
  advisoryLock?: number;
  /** Called while waiting for a lock held by others. */
  onWait?: (what: string) => void;
  /**
   * The caller calls `makeDurable` before anybody is told what it did. Then `inTransaction` need not wait for the disk: a crash takes
   * whole transactions, the latest first, and whatever else is committed later and waits (an application's write) takes these along.
   */
  durableLater?: boolean;
}

/** What belongs to one transaction. */
export interface TransactionSettings extends ChangeOptions {
  step?: Pick<StepRow, 'migration' | 'action'> & {
    ledgerId: string | null;
    /** A query of the tool's ledger that finds a row for good once this step is committed: for systems whose bookkeeping cannot commit with the change. */
    proof?: string;
  };
  opening?: string;
  closing?: string;
  /** Without enforcing foreign keys, where that cannot be switched inside of a transaction; violations that were not there before undo the change. */
  withoutForeignKeys?: boolean;
}

export interface SessionInfo { id: number; user: string | null; application: string | null; state: string | null; since: string | null; query: string | null }

/** Bookkeeping in the target, in a schema of its own that no migration tool looks at. */
export interface Bookkeeping {
  /** Creates the `faber_db` schema and its tables when missing. Idempotent, safe when two run at once. */
  ensure(target: ConnectionTarget): Promise<void>;
  /**
   * Refuses an attempt that a later one of the same operation has overtaken, or whose operation has ended.
   * Takes the fence: ends sessions of earlier faber-db holders (a running CONCURRENTLY build is awaited up to
   * `timeoutSeconds`), increments the token, ends them again. Idempotent in effect: each call gives a newer token.
   * @param options begins: the operation may have ended before, and begins anew
   * @throws FaberError fenced_off, lock_timeout
   */
  takeFence(target: ConnectionTarget, operationId: string, options: ChangeOptions & { begins?: boolean }): Promise<Fence>;
  /** For what no fenced transaction can hold, such as a swap. @throws FaberError fenced_off when another took the fence. */
  checkFence(session: Session, fence: Fence): Promise<void>;
  /** The row of one operation, or null (also where there is no `faber_db` schema). */
  operation(target: ConnectionTarget, operationId: string): Promise<OperationRow | null>;
  /** Every operation that the database remembers, oldest first, without the answers. */
  remembered(target: ConnectionTarget): Promise<Omit<OperationRow, 'answer'>[]>;
  /** Operations begun and not ended, oldest first. */
  unfinished(target: ConnectionTarget): Promise<OperationRow[]>;
  /** Records that an operation begins to change (upsert by id) and writes the marker when `marker` is given. Under the fence. */
  begin(target: ConnectionTarget, fence: Fence, row: Omit<OperationRow, 'begun_at' | 'ended_at' | 'answer'>, marker: string | null): Promise<void>;
  /** Records the end and the answer. Not fenced when `fence` is null (an operation that another one reconciled). */
  end(target: ConnectionTarget, fence: Fence | null, operationId: string, answer: unknown): Promise<void>;
  steps(target: ConnectionTarget, operationId: string): Promise<StepRow[]>;
  /** The statement or command by which a person makes the marker name another environment. */
  markerStatement(target: ConnectionTarget, environment: string): string;
  /** The last step of each migration, whichever operation took it. */
  lastSteps(target: ConnectionTarget): Promise<StepRow[]>;
}

/** A table (quoted for SQL, schema as search_path where none is named), or the values of one of its columns. */
export interface Place { table: string; column: string | null }

export interface Measured {
  rows: number;
  /** false: an estimate from the server's statistics. */
  exact: boolean;
}

/** One object of a schema. The definition of a column begins with its position in the table. May hold literals. */
export interface SchemaFact { kind: string; name: string; definition: string }

/** `rows` null: they were not counted, and follow from what was restored (a snapshot of the host). */
export interface RestoreReport { side_database: string; tables: number; rows: number | null; duration_seconds: number }

export interface ScratchUse {
  /** Who uses it: the operation. The name follows from it and is another each time, so that no attempt meets the one before. */
  id: string;
  signal: AbortSignal;
}

/** How many rows a check found, counted up to a bound. */
export interface RowsFound { rows: number; more: boolean }

export interface DatabaseHandler {
  readonly provider: Settings['provider'];

  /** Set where a URL is the path of a file, which may be relative. */
  readonly urlsArePaths?: true;

  /**
   * Parses a URL (all of Prisma's and libpq's parameters). @throws FaberError connection_not_configured, never quoting the URL.
   * @param folder that a relative path in it starts from, where URLs are paths
   */
  target(url: string, folder?: string): ConnectionTarget;

  /**
   * @param options mayBeMissing: a database that is not there (or takes no connections) is identified through the
   *   server's maintenance database, as an empty one; for a restore only the server must be reachable
   * @throws FaberError health_check_failed when unreachable.
   */
  identify(target: ConnectionTarget, options?: { mayBeMissing: boolean }): Promise<DatabaseIdentity>;

  /**
   * Creates the database on its server, as the server's own template has it. Already there: nothing happens.
   * @throws FaberError plan_failed, with the statement that helps; health_check_failed
   */
  createDatabase(target: ConnectionTarget): Promise<void>;

  /** Why it could not be created, and the statement that helps; empty where it can. @throws FaberError health_check_failed */
  creationObstacles(target: ConnectionTarget): Promise<{ problem: string; remedy: string }[]>;

  /**
   * Runs `work` with an empty scratch database beside the target, like it in encoding and locale, and drops it, whatever happens. Those
   * that dead processes left are dropped too.
   * @param work gets the scratch database; its sessions break off when the signal aborts
   * @throws ScriptError when it cannot be created; whatever `work` throws; the reason of the signal when aborted
   */
  withScratch<T>(target: ConnectionTarget, use: ScratchUse, work: (scratch: ConnectionTarget) => Promise<T>): Promise<T>;

  /**
   * Runs `work` while no other worker runs one under the same name; with the process that holds it the right ends, where a lock file would stay.
   * @returns null when it was not to be had within `waitMs`
   */
  oneAtATime<T>(target: ConnectionTarget, name: string, options: { signal: AbortSignal; waitMs: number }, work: () => Promise<T>): Promise<T | null>;

  /** All checks but `migrations`; goes on after a failing one, never throws for an unreachable server. */
  checkHealth(target: ConnectionTarget, thresholds: Settings['health']): Promise<HealthCheck[]>;

  sessions(target: ConnectionTarget): Promise<SessionInfo[]>;

  /** A session for reading. Named `faber-db` in the server's session list. */
  connect(target: ConnectionTarget, purpose: string): Promise<Session>;

  readonly bookkeeping: Bookkeeping;

  /**
   * Runs `work` in one fenced transaction on a session that is new or as good as new: BEGIN, lock timeout of a try, fence row locked and checked,
   * `work`, transaction id compared before and after, the step and `closing`, then `record` (where there is one) with role and settings reset, COMMIT. Lock timeouts (55P03) and deadlocks
   * (40P01) roll back and are tried again with backoff and jitter until `lockTimeoutSeconds` is spent.
   * The step row is written in the same transaction when `step` is given. `opening`, one statement, goes with the message that locks
   * the fence, and `work` gets its rows; `closing` goes with the one that writes the step: hundreds of migrations feel each message.
   * @throws ScriptError from `work.script`; FaberError lock_timeout, fenced_off.
   *   A connection lost around COMMIT throws ScriptError with `connectionLost: true`: the outcome must be read, never assumed.
   */
  inTransaction(
    target: ConnectionTarget,
    fence: Fence,
    options: TransactionSettings,
    work: (session: Session, opened: Record<string, unknown>[]) => Promise<void>,
    record?: (session: Session) => Promise<void>,
  ): Promise<void>;

  /**
   * Returns once everything that was committed with `durableLater` outlives a crash of the server.
   * @throws FaberError fenced_off; ScriptError when the connection breaks: the ledger tells what is there.
   */
  makeDurable(target: ConnectionTarget, fence: Fence): Promise<void>;

  /**
   * Runs one script that cannot be held by a transaction, alone on a new session: fence checked right before, no
   * lock_timeout, ended after `timeoutSeconds`. Retries nothing.
   */
  standalone(target: ConnectionTarget, fence: Fence, options: ChangeOptions, sql: string): Promise<void>;

  /**
   * A digest of the schema as the database sees it (tables, columns, indexes, constraints, views, functions, triggers,
   * enums, sequences, extensions, grants), without data, bookkeeping and the migration tool's own tables.
   * @param own names of these; unless given, Prisma's
   */
  schemaFingerprint(target: ConnectionTarget, own?: readonly string[]): Promise<string>;

  /** What the fingerprint is a digest of. */
  schemaFacts(target: ConnectionTarget, own?: readonly string[]): Promise<SchemaFact[]>;

  /** Exact rows per user table (bookkeeping left out), however long that takes. */
  tableCounts(target: ConnectionTarget): Promise<{ schema: string; table: string; rows: number }[]>;

  /** Rows per user table, as `tableCounts`, in bounded time. */
  measureTables(target: ConnectionTarget): Promise<{ schema: string; table: string; measured: Measured | null }[]>;

  /**
   * Rows of tables and values (not NULL) of columns, in bounded time, for people to decide by.
   * @returns one answer a place, in their order; null where there is none (not there, not allowed)
   */
  measure(target: ConnectionTarget, places: readonly Place[]): Promise<(Measured | null)[]>;

  /**
   * Whether a transaction of anybody else than the given operation may have written since the snapshot of a backup.
   * `true` only when provable. Never throws for "cannot tell": that is `false` with a reason.
   * @param session asks through this one: for a database that lets no new session in, as during a swap
   */
  nothingWrittenSince(target: ConnectionTarget, snapshot: { position: string }, operationId: string, session?: Session): Promise<{ proven: boolean; reason: string }>;

  /**
   * How many rows one query finds, in a transaction that cannot write.
   * @throws FaberError phase_failed when it cannot run
   */
  rowsFound(target: ConnectionTarget, query: string, options: { timeoutSeconds: number; signal: AbortSignal }): Promise<RowsFound>;

  /** What the server does not vouch for (constraints never validated, invalid indexes), a line each. */
  uncheckedObjects(target: ConnectionTarget): Promise<string[]>;

  /** Holds writes of others off (new sessions read-only, existing ones ended) or lets them on again. Idempotent. */
  holdWrites(target: ConnectionTarget, fence: Fence, hold: boolean): Promise<void>;
}

/** Returns the handler of a provider. @throws FaberError unsupported. */
export type DatabaseHandlers = (provider: Settings['provider']) => DatabaseHandler;
