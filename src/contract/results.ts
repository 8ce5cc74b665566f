/**
 * `result` of a successful answer, by operation. The client's types, the tests of whole operations and docs/operations.md follow from it.
 * Further fields may come; those that are here stay.
 */
import { z } from 'zod';
import { HealthReport } from './health.js';
import type { OperationName } from './operation.js';
import { Finding, PlanSummary, UndoClass } from './plan.js';
import { BackupResult, CleanupResult, ListBackupsResult, VerifyResult } from './retention.js';
import { ReadSchedulesResult } from './schedule.js';
import { Risk } from './settings.js';
import { StatusResult } from './status.js';

const approved_by = z.array(z.string()).optional().describe('Who approved, and whether that was verified');
const plan_hash = z.string().describe('sha256 (hex) of the plan that ran');
const duration_seconds = z.number().describe('From the start to the answer, waiting included');
const backup_id = z.string().nullable().describe('The backup taken right before; null where none was');
const backup_level = z.enum(['checked', 'proven', 'none']).describe('checked: read to the end; proven: restored into a scratch database');

export const InitializeResult = z.object({
  database: z.string().describe('Its name on the server'),
  created: z.boolean().describe('Whether this operation created it'),
  migrations_applied: z.number().int().describe('How many ran; 0: the database was there already'),
  applied: z.array(z.string()).describe('Their names, in the order in which they ran'),
  pending: z.number().int().describe('Migrations that a database with data still lacks: they are for migrate, which backs it up first'),
  duration_seconds,
  health_check: z.enum(['passed', 'skipped']).describe('After the migrations'),
  plan_hash,
  approved_by,
});
export type InitializeResult = z.infer<typeof InitializeResult>;

/** A change that ran migrations. */
export const MigrateResult = z.object({
  migrations_applied: z.number().int().describe('How many ran; 0: nothing was to be done'),
  applied: z.array(z.string()).describe('Their names, in the order in which they ran'),
  duration_seconds,
  backup_id,
  backup_level,
  health_check: z.enum(['passed', 'skipped']).describe('After the change'),
  plan_hash,
  approved_by,
  watched_seconds: z.number().int().optional().describe('How long its health was watched after the change, where that was asked for'),
  baselined: z.number().int().optional().describe('Recorded as applied without running'),
});
export type MigrateResult = z.infer<typeof MigrateResult>;

/** A rollback, and a rollback-to with a migration. */
export const RollbackResult = z.object({
  migrations_reverted: z.number().int().describe('How many were undone; 0: nothing was to be done'),
  reverted: z.array(z.string()).describe('Their names in the order of undoing, newest first'),
  by: z.enum(['down', 'restore']).describe('Down scripts, or a restore where a down script is missing'),
  duration_seconds,
  backup_id,
  backup_level,
  health_check: z.enum(['passed', 'skipped']).describe('After the change'),
  plan_hash,
  approved_by,
  restored: z.string().optional().describe('Id of the backup that is the database now, after a restore'),
  replaced_database_kept_as: z.string().nullable().optional().describe('Name of the database that served before, after a restore'),
});
export type RollbackResult = z.infer<typeof RollbackResult>;

/** `migrate-preview`, and any guarded operation with `dry_run`. */
export const PreviewResult = z.object({
  plan: PlanSummary.describe('What would run, how it would be undone, and what is known about it'),
  plan_hash: z.string().describe('sha256 (hex) of the plan; an approval names its first digits'),
  pending: z.number().int().describe('Migrations that would run'),
  approval_required: z.boolean(),
  warnings: z.array(z.string()).describe('About the config'),
});
export type PreviewResult = z.infer<typeof PreviewResult>;

export const RestoreResult = z.object({
  restored: z.string().describe('Id of the backup that is the database now'),
  tables: z.number().int(),
  rows: z.number().int().nullable().describe('null: not counted, after the restore of a snapshot of the host'),
  replaced_database_kept_as: z.string().nullable().describe('Name of the database that served before, on the same server; after the restore of a snapshot: of the instance or cluster; null: there was none'),
  duration_seconds,
  backup_id: z.string().nullable().describe('The safety backup of the replaced database; null where it could not be taken'),
  plan_hash,
  approved_by,
});
export type RestoreResult = z.infer<typeof RestoreResult>;

export const GenerateMigrationResult = z.object({
  generated: z.boolean().describe('false: the migrations make what the schema says, and nothing was written'),
  name: z.string().nullable().describe('Of the migration; null where none was generated'),
  path: z.string().nullable().describe('Its folder, relative to the working directory'),
  up_sha256: z.string().nullable().describe('Of migration.sql'),
  down_sha256: z.string().nullable().describe('Of down.sql; null: none was written, and a finding says why'),
  statements: z.number().int().describe('In migration.sql'),
  undo: UndoClass.nullable().describe('How applying it can be undone'),
  risk: Risk.nullable(),
  findings: z.array(Finding).describe('What a reviewer should know: data that is destroyed, locks, what the down script does not bring back'),
});
export type GenerateMigrationResult = z.infer<typeof GenerateMigrationResult>;

export const SeedResult = z.object({
  command: z.string().describe('What ran'),
  output: z.string().describe('The last lines of what it printed; secrets, and whatever stands in quotes, masked'),
  output_path: z.string().nullable().describe('The file (mode 0600) on the worker with more of it, unmasked'),
  duration_seconds,
  backup_id,
  backup_level,
  health_check: z.enum(['passed', 'skipped']).describe('After the seed'),
  plan_hash,
  approved_by,
});
export type SeedResult = z.infer<typeof SeedResult>;

export const ResetResult = z.object({
  migrations_applied: z.number().int(),
  applied: z.array(z.string()).describe('All migrations of the project, in the order in which they ran'),
  seeded: z.boolean().describe('Whether the seed ran'),
  replaced_database_kept_as: z.string().nullable().describe('Name of the database that was emptied: it is kept beside, until retention takes it'),
  duration_seconds,
  backup_id,
  health_check: z.enum(['passed', 'skipped']).describe('After the reset'),
  plan_hash,
  approved_by,
});
export type ResetResult = z.infer<typeof ResetResult>;

export const PhaseStep = z.object({
  step: z.string().describe('generate, validate, apply, migrate, tests, integrity'),
  status: z.enum(['done', 'nothing_to_do', 'failed', 'cancelled']),
  message: z.string(),
  operation_id: z.string().optional().describe('The operation that did it; its answer has the details'),
  duration_seconds: z.number(),
});
export type PhaseStep = z.infer<typeof PhaseStep>;

/** Of a phase, also of one that failed. */
export const PhaseResult = z.object({
  steps: z.array(PhaseStep).describe('In their order, up to the one that failed'),
  duration_seconds,
});
export type PhaseResult = z.infer<typeof PhaseResult>;

/** The shapes that `result` of each operation can have; the usual one first. */
export const OPERATION_RESULTS = {
  'initialize-database': [InitializeResult, PreviewResult],
  migrate: [MigrateResult, PreviewResult],
  'migrate-preview': [PreviewResult],
  rollback: [RollbackResult, PreviewResult],
  'rollback-to': [RollbackResult, RestoreResult, PreviewResult],
  restore: [RestoreResult, PreviewResult],
  seed: [SeedResult, PreviewResult],
  reset: [ResetResult, PreviewResult],
  backup: [BackupResult],
  'generate-migration': [GenerateMigrationResult],
  'health-check': [HealthReport],
  status: [StatusResult],
  'list-backups': [ListBackupsResult],
  'read-schedules': [ReadSchedulesResult],
  'cleanup-backups': [CleanupResult],
  'verify-backup': [VerifyResult],
  build: [PhaseResult],
  evaluate: [PhaseResult],
  release: [PhaseResult],
} as const satisfies Record<OperationName, readonly z.ZodObject[]>;

/** `result` of operation `O`. */
export type ResultOf<O extends OperationName> = z.infer<(typeof OPERATION_RESULTS)[O][number]>;
