/**
 * Effective settings of one environment: the config after legacy keys, defaults and protection rules, without any secret.
 * This is what crosses Temporal; it names environment variables and never holds their values.
 */
import { z } from 'zod';

export const Provider = z.enum(['postgresql', 'mysql', 'sqlite']);
export const Hosting = z.enum(['local', 'aws-rds', 'aws-aurora', 'gcp-sql', 'azure-sql']);
export const MigrationTool = z.enum(['prisma', 'typeorm', 'sequelize', 'knex']);
export const BackupLevel = z.enum(['checked', 'proven']);
export const BackupMethod = z.enum(['dump', 'snapshot']);
export const Risk = z.enum(['low', 'medium', 'high', 'destructive']);
/** Kinds of statement that a config may forbid, as the grammar tells them. */
export const StatementKind = z.enum(['drop_table', 'drop_column', 'drop_schema', 'drop_database', 'truncate', 'delete', 'delete_without_where', 'update_without_where']);
export type StatementKind = z.infer<typeof StatementKind>;
export type Provider = z.infer<typeof Provider>;
export type MigrationTool = z.infer<typeof MigrationTool>;
export type BackupLevel = z.infer<typeof BackupLevel>;
export type BackupMethod = z.infer<typeof BackupMethod>;
export type Risk = z.infer<typeof Risk>;

/** What this release runs on each database system; a config that asks for anything else is refused when it is used. */
export const SUPPORTED: Readonly<Record<Provider, readonly MigrationTool[]>> = {
  postgresql: ['prisma', 'knex', 'typeorm', 'sequelize'],
  mysql: ['prisma'],
  sqlite: ['prisma'],
};

/** Where each tool has its migrations and its ledger unless it is told otherwise. */
export const USUAL_MIGRATIONS: Readonly<Record<MigrationTool, { directory: string; table: string }>> = {
  prisma: { directory: 'prisma/migrations', table: '_prisma_migrations' },
  knex: { directory: 'migrations', table: 'knex_migrations' },
  sequelize: { directory: 'migrations', table: 'SequelizeMeta' },
  typeorm: { directory: 'src/migrations', table: 'migrations' },
};

export const SignatureAlgorithm = z.enum(['EdDSA', 'ES256', 'RS256']);
export type SignatureAlgorithm = z.infer<typeof SignatureAlgorithm>;
/** How a decision's `by` is known. */
export const Verification = z.enum(['claimed', 'principal', 'signed']);
export type Verification = z.infer<typeof Verification>;

/** A public key that may sign decisions. */
export const SignerKey = z.object({
  id: z.string().describe('As plan, answer and audit name it'),
  thumbprint: z.string().describe('RFC 7638, sha256, base64url'),
  algorithm: SignatureAlgorithm,
  jwk: z.record(z.string(), z.unknown()).describe('The public key'),
  signs_for: z.array(z.string()).describe('Whose decisions it may sign: names or patterns with `*`'),
});
export type SignerKey = z.infer<typeof SignerKey>;

/** What a signed decision is verified by. Part of the plan: keys are read once, when the operation loads its config. */
export const SignatureSettings = z.object({
  audience: z.string(),
  issuer: z.string().nullable(),
  keys: z.array(SignerKey),
  jwks_url: z.string().nullable().describe('Keys of an issuer, fetched when a decision is verified'),
});
export type SignatureSettings = z.infer<typeof SignatureSettings>;

export const ApprovalSettings = z.object({
  approvers: z.array(z.string()).describe('Names or patterns with `*`; empty: anyone'),
  minimum_approvals: z.number().int().min(1),
  forbid_requester: z.boolean(),
  timeout_seconds: z.record(Risk, z.number().int().positive()).describe('How long to wait, by risk'),
  confirmation_phrase: z.string().nullable().describe('Must be in the comment of an approval of a destructive plan'),
  verification: Verification.describe('claimed: the payload’s word, not verified; principal: by the server; signed: by a signature'),
  signature: SignatureSettings.optional().describe('Set with verification signed'),
});
export type ApprovalSettings = z.infer<typeof ApprovalSettings>;

export const S3Settings = z.object({
  region: z.string().nullable().describe("null: the worker's own"),
  endpoint: z.string().nullable().describe('null: that of AWS'),
  encryption: z.enum(['AES256', 'aws:kms']).nullable().describe("null: the bucket's own"),
  kms_key_id: z.string().nullable(),
  storage_class: z.enum(['STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR']).nullable(),
  assume_role_arn: z.string().nullable(),
});
export type S3Settings = z.infer<typeof S3Settings>;

export const Settings = z.object({
  environment: z.string(),
  working_directory: z.string(),
  provider: Provider,
  hosting: Hosting,
  migration_tool: MigrationTool,
  connection_string_env: z.string(),
  direct_connection_string_env: z.string().nullable(),
  protected: z.boolean(),
  task_queue: z.string().nullable(),
  approval_required: z.array(z.string()).describe('Operations that need approval in this environment'),
  approval: ApprovalSettings,
  migrations: z.object({
    directory: z.string().describe('Absolute'),
    table: z.string(),
    config_file: z.string().optional().describe('Absolute'),
    url_variable: z.string().optional(),
    variables: z.array(z.string()).optional().describe("Names of the worker's variables that migrations which are programs see"),
    timeout_seconds: z.number().positive().describe('Per migration'),
    lock_timeout_seconds: z.number().positive().describe('How long to keep trying for a database lock'),
    concurrent_timeout_seconds: z.number().positive().describe('Per statement that cannot run in a transaction'),
  }),
  safety: z.object({
    health_check_before: z.boolean(),
    health_check_after: z.boolean(),
    rollback_on_migration_failure: z.boolean(),
    rollback_on_health_check_failure: z.boolean(),
    max_auto_rollback_attempts: z.number().int().min(0),
    validate_destructive_operations: z.boolean().describe('A migration that destroys data makes the plan destructive'),
    forbidden_statements: z.array(StatementKind).describe('No migration with such a statement is run'),
    hold_writes: z.boolean().describe('Hold off writes of others from before the backup until the end'),
    heartbeat_timeout_seconds: z.number().positive().describe('A worker that is silent for so long is taken for dead, and another attempt begins'),
    on_failure: z.enum(['ladder', 'restore', 'stop']).describe(
      'ladder: cheapest undo that loses nothing; restore: may also restore the backup and lose writes since; stop: never undo by itself',
    ),
  }),
  backup: z.object({
    before_change: z.boolean(),
    method: BackupMethod.optional().describe('Absent in operations that an older release began: dump'),
    location: z.string().describe('The store: absolute path of a folder, or s3://bucket/prefix'),
    s3: S3Settings.optional().describe('Of a store in S3'),
    encryption: z
      .object({ key_env: z.string(), old_key_envs: z.array(z.string()) })
      .optional()
      .describe('Names of the variables on the worker that hold the key of new backups, and of older ones'),
    retention_days: z.number().int().positive(),
    auto_cleanup: z.boolean(),
    compression: z.enum(['auto', 'zstd', 'gzip', 'none']),
    verify: BackupLevel,
    max_database_size: z.number().positive().describe('Bytes; above it a backup is checked, not proven'),
  }),
  health: z.object({
    latency_warning_ms: z.number().positive(),
    latency_critical_ms: z.number().positive(),
    pending_migrations_warning: z.number().int().min(0),
    long_transaction_warning_seconds: z.number().positive(),
    connections_warning_percent: z.number().positive(),
    disk_free_warning_percent: z.number().positive(),
  }),
  seed: z.object({
    command: z.string().nullable().describe('null: as the project says'),
    timeout_seconds: z.number().positive(),
    url_variable: z.string().describe('The variable in which the command finds the URL of the database'),
    variables: z.array(z.string()).describe("Names of the worker's variables that the command sees beside"),
  }),
  logs_plugin: z.string().nullable(),
  /** Absent in operations that an older release began. */
  integration: z
    .object({
      cloud_plugin: z.string().nullable(),
      cloud_timeout_seconds: z.number().positive().optional().describe('How long to wait for the server that it provides'),
      work_plugin: z.string().nullable(),
      notify_url_env: z.string().nullable().describe('Name of the variable on the worker that holds the webhook, a secret'),
      temporal_ui: z.string().nullable().describe('Where the Temporal Web UI is, for links'),
      region: z.string().nullable().describe('Cloud region of the environment'),
    })
    .optional(),
  /** Where hosting is AWS. Absent in operations that an older release began. */
  aws: z
    .object({
      region: z.string().nullable().describe("null: the worker's own"),
      instance_id: z.string().nullable(),
      cluster_id: z.string().nullable(),
      assume_role_arn: z.string().nullable(),
    })
    .optional(),
  schedules: z
    .object({ backup: z.string().nullable(), cleanup: z.string().nullable(), drill: z.string().nullable() })
    .describe('Cron lines (UTC) of what runs by itself; null: never'),
  auto_migrate: z.boolean().optional().describe('The build phase may apply here without being asked'),
  /** Absent in operations that an older release began. */
  phases: z
    .object({
      test_command: z.string().nullable().describe('The project’s integration tests'),
      test_timeout_seconds: z.number().positive(),
      integrity_checks: z.array(z.string()).describe('SQL files, relative to the working directory; each must find no row'),
      integrity_timeout_seconds: z.number().positive().describe('For each'),
      watch_seconds: z.number().int().positive().describe('How long a release watches health after the change'),
      watch_interval_seconds: z.number().positive(),
    })
    .optional(),
  /** Findings of config loading, to be shown: unknown keys, mapped old keys. */
  warnings: z.array(z.string()),
});
export type Settings = z.infer<typeof Settings>;
