/** The plan: what exactly will run. Its hash is what a person approves. */
import { z } from 'zod';
import { BackupLevel, Risk, StatementKind } from './settings.js';

/** transactional: script and ledger row in one transaction; standalone: cannot run in one (CONCURRENTLY, VACUUM, own COMMIT). */
export const TransactionClass = z.enum(['transactional', 'standalone']);
export type TransactionClass = z.infer<typeof TransactionClass>;

/** lossless: down loses nothing; lossy: schema comes back, some data does not; restore_only: no usable down. */
export const UndoClass = z.enum(['lossless', 'lossy', 'restore_only']);
export type UndoClass = z.infer<typeof UndoClass>;

export const PlannedMigration = z.object({
  name: z.string(),
  sha256: z.string().describe('Of the bytes of the up script'),
  down_sha256: z.string().nullable(),
  transaction: TransactionClass,
  undo: UndoClass,
  files: z.array(z.object({ path: z.string(), sha256: z.string() })).optional().describe('Where it is a program: files that are compared right before it runs, relative to the working directory'),
});
export type PlannedMigration = z.infer<typeof PlannedMigration>;

export const TargetIdentity = z.object({
  identity: z.string().describe('Server system identifier and database name, for example postgresql:7311…/shop'),
  marker: z.string().nullable().describe('The environment that faber_db.marker names; null where there is none'),
});
export type TargetIdentity = z.infer<typeof TargetIdentity>;

/** One thing that the reviewer should know. */
export const Finding = z.object({
  level: z.enum(['info', 'warning', 'danger']),
  message: z.string(),
  migration: z.string().optional(),
  line: z.number().int().optional(),
  kind: StatementKind.optional().describe('Set where the finding is about a statement that a config may forbid'),
});
export type Finding = z.infer<typeof Finding>;

/** The project's program that writes to the database: the command, and what is in the files that it names. */
export const PlannedSeed = z.object({
  command: z.string().describe('Split at spaces, as Prisma does; no shell reads it'),
  files: z.array(z.object({ path: z.string(), sha256: z.string() })).describe('Relative to the working directory'),
  url_variable: z.string().describe('The variable in which it finds the URL of the database'),
  variables: z.array(z.string()).describe("The worker's variables that it sees beside"),
  timeout_seconds: z.number(),
});
export type PlannedSeed = z.infer<typeof PlannedSeed>;

/** The hashed part of a plan: only what decides what runs. No time, run id, backup id or measurement. */
export const PlanCore = z.object({
  version: z.literal(1),
  operation: z.string().describe('migrate-preview plans as migrate'),
  environment: z.string(),
  parameters: z.record(z.string(), z.unknown()).describe('Without working_directory and dry_run'),
  target: TargetIdentity,
  ledger_digest: z.string().describe('sha256 over the applied ledger rows'),
  migrations: z.array(PlannedMigration).describe('In the order in which they run; for rollback and rollback-to, in the order of undoing'),
  baseline: z.array(z.string()).describe('Migrations recorded as applied without running'),
  resolve: z.array(z.string()).describe('Failed rows of another runner that the decision must settle'),
  restore: z.object({ backup_id: z.string(), sha256: z.string() }).nullable(),
  create: z.object({ database: z.string() }).optional().describe('Present where the database is to be created, and only there'),
  seed: PlannedSeed.optional().describe('Present where a seed runs, and only there'),
  undo: z.enum(['ladder', 'restore', 'stop']),
  settings: z.record(z.string(), z.unknown()).describe('Effective safety settings'),
});
export type PlanCore = z.infer<typeof PlanCore>;

/** Rows that the operation takes away, counted when the plan was made. */
export const DataLoss = z.object({
  table: z.string(),
  column: z.string().nullable().describe('null: whole rows'),
  rows: z.number().int().nullable().describe('Rows, or values of the column that are not NULL; null: they could not be counted'),
  exact: z.boolean().describe('false: an estimate of the server, or at least so many'),
  migration: z.string().optional().describe('Whose down script takes them away'),
});
export type DataLoss = z.infer<typeof DataLoss>;

/** Shown beside the plan, not hashed. */
export const PlanEvidence = z.object({
  risk: Risk,
  findings: z.array(Finding),
  backup: z.union([BackupLevel, z.literal('none')]),
  pending: z.number().int().optional().describe('Migrations that initialize-database leaves to migrate'),
  database: z.object({ name: z.string(), server_version: z.string(), size_bytes: z.number().nullable() }),
  losses: z.array(z.string()).describe('What undoing, or the operation itself, would lose'),
  data_loss: z.array(DataLoss).optional().describe('The same in numbers, where the operation itself takes data away'),
  ledger_changes: z.array(z.string()).describe('Ledger rows written without running a script'),
});
export type PlanEvidence = z.infer<typeof PlanEvidence>;

export const Plan = PlanCore.extend({
  plan_hash: z.string().describe('sha256 (hex) of the canonical JSON of the hashed part'),
  artifact: z.string().describe('sha256 of the plan artifact in the store: scripts, downs and settings as they will run'),
  evidence: PlanEvidence,
});
export type Plan = z.infer<typeof Plan>;

/**
 * The plan as it travels through Temporal: at most `SHOWN_MIGRATIONS` migrations, the rest counted. The artifact holds all.
 */
export const PlanSummary = Plan.extend({ migrations_total: z.number().int(), migrations_not_shown: z.number().int() });
export type PlanSummary = z.infer<typeof PlanSummary>;
export const SHOWN_MIGRATIONS = 50;
