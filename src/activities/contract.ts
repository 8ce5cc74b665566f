/**
 * Inputs and results of the activities: what crosses Temporal. Small, and never a secret, a script or a row value:
 * scripts travel as the sha256 of an artifact in the store.
 */
import type {
  AuditRecord, BackupLevel, BackupSummary, CleanupResult, CloudAnswer, CloudRequest, Drift, EnvironmentFacts, FailureFacts, GenerateMigrationResult,
  HealthReport, Notification, OperationName, PlanSummary, Request, Response, RunningOperation, Settings, WorkRequest,
} from '../contract/index.js';

/** Which operation, on what, by which approved plan. */
export interface ChangeRef {
  operation_id: string;
  settings: Settings;
  artifact: string;
  plan_hash: string;
}

export interface LoadedOperation {
  request: Request;
  request_digest: string;
  settings: Settings;
}

/** Running operations by environment. */
export interface OperationsInFlight {
  operations: { environment: string; operation: RunningOperation }[];
  /** There are more, which were not looked at. */
  more: boolean;
}

/** The environments that a `status` is about; one whose settings are wrong has the reason. */
export interface LoadedEnvironments {
  /** The one that was asked for by name. */
  environment: string | null;
  drift: boolean;
  loaded: { environment: string; settings?: Settings; failure?: FailureFacts }[];
  not_shown: string[];
}

export type PlanOutcome =
  /** The same operation id with the same request ended before: its answer. */
  | { kind: 'answered'; response: Response }
  | { kind: 'planned'; plan: PlanSummary; nothing_to_do: boolean; identity_digest: string };

export interface RecheckOutcome {
  same: boolean;
  /** Why the plan differs, in words. */
  differences: string[];
  plan: PlanSummary;
  nothing_to_do: boolean;
}

export interface BeginInput extends ChangeRef {
  request_digest: string;
  requested_by: string;
  /** An approved operation writes the marker, whatever the database has; one on an empty database does in any case. */
  write_marker: boolean;
}

/** An earlier operation that began a change and never ended. */
export interface InterruptedOperation {
  operation_id: string;
  operation: string;
  begun_at: string;
  applied: string[];
  half_applied: string[];
  still_running: boolean;
  /** It ran a seed, which no script undoes. */
  seeded?: boolean;
  artifact: string | null;
}

export interface BeginOutcome {
  interrupted: InterruptedOperation | null;
  /** The schema before the change, to verify an undo by; empty where the database was missing. */
  fingerprint: string;
  applied_before: string[];
}

export interface BackupInput {
  operation_id: string;
  settings: Settings;
  backup_id: string;
  label: string | null;
  reason: string | null;
}

export type BackupOutcome =
  /** level: what it is to be brought to, by the settings and the size of the database. */
  | { kind: 'created'; backup: BackupSummary; level: BackupLevel }
  /** Another operation owns this id (made in the same second). */
  | { kind: 'id_taken' };

/** A migration failed; facts only. `detail_path` names the mode-0600 file on the worker with the full text. */
export interface MigrationFailureFacts {
  migration: string;
  file: string;
  line: number | null;
  sql_state: string | null;
  message: string;
  statement: string | null;
  objects: Record<string, string>;
  half_applied: boolean;
  leftovers: string[];
  detail_path: string | null;
}

export interface ApplyOutcome {
  status: 'applied' | 'failed';
  /** Migrations that this operation applied, in order, by all attempts. */
  applied: string[];
  not_run: string[];
  failure: MigrationFailureFacts | null;
  /** A lock that was not to be had is a failure of its own kind: nothing of that migration ran. */
  lock_timeout: boolean;
  duration_ms: number;
}

export interface RevertOutcome {
  status: 'reverted' | 'refused' | 'failed';
  reverted: string[];
  /** Why it was refused (data written since would be lost) or failed. */
  reason: string | null;
  failure: MigrationFailureFacts | null;
}

export interface RevertInput extends ChangeRef {
  /** In the order of undoing. Empty: all that the operation applied, newest first. */
  migrations: string[];
  /** Whose steps: another operation's when an interrupted one is undone. */
  of_operation: string;
  /** Refuse where data written since would be lost. */
  only_lossless: boolean;
}

/** How a run of the seed ended. */
export interface SeedOutcome {
  /** unknown: a worker began it and died, or was ended, before it was told how it ended. */
  status: 'seeded' | 'failed' | 'unknown';
  reason: string | null;
  /** The last of what it printed, masked. */
  output: string;
  output_path: string | null;
}

export interface RebuildOutcome {
  status: 'rebuilt' | 'failed';
  reason: string | null;
  /** Of the migration that failed. */
  failure: MigrationFailureFacts | null;
  applied: string[];
  kept_as: string | null;
}

export interface RestoreInput extends ChangeRef {
  backup_id: string;
  /** Refuse unless provably nothing was written since the backup's snapshot. */
  only_if_quiet: boolean;
}

export interface RestoreOutcome {
  status: 'restored' | 'refused' | 'failed';
  reason: string | null;
  kept_as: string | null;
  tables: number;
  /** null: not counted. */
  rows: number | null;
}

/** What the change left, read from ledger and steps. */
export interface Inspection {
  reachable: boolean;
  /** By this operation, and not undone again by it. */
  applied: string[];
  /** Undone by this operation, where undoing is what it is for. */
  reverted: string[];
  /** Whether every applied migration has a down script. */
  has_downs: boolean;
  half_applied: string[];
  /** A seed of this operation began and how it ended is not known, ran to its end, or failed. */
  seed?: 'began' | 'ran' | 'failed';
  /** Another database has taken the place of the one that served, which is kept under this name. */
  kept_as?: string;
  /** By each way out, what it would cost, in words. */
  costs: Record<string, string>;
}

export interface VerifyInput extends ChangeRef {
  fingerprint: string;
  applied_before: string[];
}

export interface HealthInput {
  settings: Settings;
  artifact: string | null;
  /** A change was made: a database that cannot be reached for the moment is waited for, since the answer may be to undo it. */
  after_change?: boolean;
}

export interface WatchInput {
  settings: Settings;
  artifact: string;
  /** Milliseconds since 1970, the same for every attempt. */
  until_ms: number;
  interval_ms: number;
}

export interface PhaseStepInput {
  operation_id: string;
  settings: Settings;
}

export interface Rehearsal {
  /** Pending migrations that went up, in order. */
  up: string[];
  /** Those of them that went down and up again. */
  down: string[];
  /** The migration without a down script that ended the way down. */
  stopped_at: string | null;
}

export interface EndInput {
  operation_id: string;
  settings: Settings;
  /** Whether the operation has a row in the target. */
  began: boolean;
  /** It was about a restore: sessions of others may be ended to find a place in a full database. */
  restores?: boolean;
  answer: Response;
  audit: AuditRecord;
}

/** A decision whose sender is not known yet: a token, or a signal's place in a history (counted from 1, by its name). */
export type UnverifiedDecision =
  | { decision: string; token: string }
  | { signal: { workflow_id: string; run_id: string; name: string; nth: number } };

export interface VerifyDecisionsInput {
  approval: Settings['approval'];
  operation_id: string;
  run_id: string;
  plan_hash: string;
  /** Milliseconds since the epoch: signed before that, a decision is about something else. */
  not_before: number;
  decisions: UnverifiedDecision[];
}

/** What is known about a decision: facts for the workflow's rules. */
export type DecisionFacts =
  | {
      ok: true;
      /** The decision with a verified `by`; its shape is judged by the workflow. */
      payload: Record<string, unknown>;
      verification: 'signed' | 'principal';
      key_id?: string;
      /** Whatever makes it count once. */
      once: string;
      /** Who started the operation, where the server knows. */
      requester?: string;
    }
  | { ok: false; by: string | null; reason: string; /** Nothing is known: it may be sent again. */ again?: boolean };

export interface GenerateInput {
  operation_id: string;
  settings: Settings;
  name: string;
  /** When it was asked for: the name of the migration begins with it. */
  at_ms: number;
}

export interface ReadingActivities {
  /** One answer a decision, in their order. */
  verifyDecisions(input: VerifyDecisionsInput): Promise<DecisionFacts[]>;
  /** Parses the request and loads the config where the directory is. */
  loadOperation(input: { operation: OperationName; request: unknown }): Promise<LoadedOperation>;
  planOperation(input: LoadedOperation & { operation_id: string }): Promise<PlanOutcome>;
  /** Plans again from the artifact and the database as it is now. */
  recheckPlan(input: ChangeRef): Promise<RecheckOutcome>;
  checkHealth(input: HealthInput): Promise<HealthReport>;
  /** How the schema differs from what the applied migrations make. */
  checkDrift(input: { settings: Settings; operation_id: string }): Promise<Drift>;
  /** What a `status` is about. */
  loadEnvironments(input: { request: unknown }): Promise<LoadedEnvironments>;
  readEnvironment(input: { settings: Settings }): Promise<EnvironmentFacts>;
  /** What runs and waits, by environment. */
  listRunning(): Promise<OperationsInFlight>;
  /** Those of the task queues that a worker polls. */
  findWorkers(input: { task_queues: string[] }): Promise<string[]>;
  inspectChange(input: ChangeRef & { backup: BackupSummary | null }): Promise<Inspection>;
  verifyUndone(input: VerifyInput): Promise<{ verified: boolean; reason: string | null }>;
  /** Finds the backup from where a restore would run, with size and sha256 as recorded. */
  confirmBackup(input: { settings: Settings; backup: BackupSummary }): Promise<void>;
  listBackups(input: { request: unknown }): Promise<Response>;
  readSchedules(input: { request: unknown }): Promise<Response>;
  /** The backup with this id; null: the newest of the environment's database. */
  findBackup(input: { settings: Settings; backup_id: string | null }): Promise<BackupSummary>;
  /** Asks for the database's lock: starts the queue of the database when there is none. */
  requestLock(input: { identity_digest: string; workflow_id: string; operation: string; environment: string }): Promise<void>;
  isRunning(input: { workflow_id: string }): Promise<boolean>;
}

export interface ChangingActivities {
  /** Creates the plan's database, where the plan says so. Idempotent. */
  createDatabase(ref: ChangeRef): Promise<void>;
  beginChange(input: BeginInput): Promise<BeginOutcome>;
  /** After a restore: remembers the operation where its database was missing when it began. */
  beginInRestored(input: BeginInput): Promise<void>;
  settleInterrupted(input: ChangeRef & { interrupted: string; answer: unknown }): Promise<void>;
  createBackup(input: BackupInput): Promise<BackupOutcome>;
  /** Removes what an unfinished backup left in the store. */
  abandonBackup(input: { settings: Settings; backup_id: string; operation_id?: string }): Promise<void>;
  proveBackup(input: { settings: Settings; backup_id: string }): Promise<BackupSummary>;
  /** Restores it into a scratch database; one that fails is marked. */
  verifyBackup(input: { settings: Settings; backup_id: string; operation_id: string }): Promise<BackupSummary>;
  /** Removes what retention takes, or only tells. */
  cleanUpBackups(input: { settings: Settings; apply: boolean }): Promise<CleanupResult>;
  /** Writes a migration of the schema's change. */
  generateMigration(input: GenerateInput): Promise<GenerateMigrationResult>;
  holdWrites(input: ChangeRef & { hold: boolean }): Promise<void>;
  applyMigrations(input: ChangeRef & { resolve: Record<string, 'applied' | 'rolled_back'> }): Promise<ApplyOutcome>;
  revertMigrations(input: RevertInput): Promise<RevertOutcome>;
  restoreBackup(input: RestoreInput): Promise<RestoreOutcome>;
  /** @param input nth: how often a person has had it run again; each number runs once at most */
  runSeed(input: ChangeRef & { nth: number }): Promise<SeedOutcome>;
  rebuildDatabase(input: ChangeRef): Promise<RebuildOutcome>;
  endOperation(input: EndInput): Promise<void>;
  sendAudit(input: { settings: Settings; record: AuditRecord }): Promise<void>;
  sendWork(input: { settings: Settings; record: WorkRequest }): Promise<void>;
  sendNotification(input: { settings: Settings; notification: Notification }): Promise<void>;
  /** Watches health until a moment. Null: it stayed well. */
  watchHealth(input: WatchInput): Promise<HealthReport | null>;
  /** Takes what is pending up, down and up again, on a scratch database. Fails with phase_failed. */
  rehearseMigrations(input: PhaseStepInput): Promise<Rehearsal>;
  /** Runs the project's tests. Fails with phase_failed. */
  runTests(input: PhaseStepInput): Promise<{ command: string }>;
  /** Fails with phase_failed where a check finds rows. */
  checkIntegrity(input: PhaseStepInput): Promise<{ checks: number; remarks: string[] }>;
  /** Asks the cloud plugin once; `pending` is for the workflow to wait out. Fails with plugin_failed, to be tried again. */
  askCloud(input: { settings: Settings; request: CloudRequest }): Promise<CloudAnswer>;
}

export type Activities = ReadingActivities & ChangingActivities;
export type { FailureFacts };
