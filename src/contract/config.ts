/**
 * The config file as it is written: `.fractary/plugins/faber-db/config.json`. What follows from it for one environment
 * is in effective-settings.ts. Keys that are not here are kept by the parser's caller and warned about, never refused.
 */
import { z } from 'zod';
import { isPluginUrl } from './plugin-url.js';
import { CronLine } from './cron.js';
import { BackupMethod, MigrationTool, Hosting, Provider, Risk, StatementKind, Verification } from './settings.js';

export const CONFIG_PATH = '.fractary/plugins/faber-db/config.json';

const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, never a URL or a secret');
const seconds = z.number().positive().max(30 * 24 * 3600);
/** Identifiers of RDS: a letter first, letters, digits and single hyphens. */
const AWS_ID = /^(?=.{1,63}$)[A-Za-z](?:-?[A-Za-z0-9])*$/;
const AWS_ID_RULE = 'must be an identifier of RDS: 1 to 63 letters, digits and single hyphens, a letter first';
const RoleArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/, 'must be the ARN of an IAM role, for example arn:aws:iam::123456789012:role/faber-db');
const days = z.number().int().min(1).max(3650);

/** Operations that `require_approval_for` may name; the later ones are accepted so that one config serves every release. */
export const APPROVABLE_OPERATIONS = ['migrate', 'rollback', 'rollback-to', 'restore', 'seed', 'reset', 'initialize-database'] as const;

const Database = z.object({
  provider: Provider.default('postgresql').describe('Database system (mysql: MariaDB too); the README says what runs on each'),
  hosting: Hosting.default('local').describe('Where the database runs'),
  migration_tool: MigrationTool.default('prisma').describe('The tool whose migrations and ledger are used; the README says which runs on which system'),
});

const Environment = z.object({
  connection_string_env: variableName.describe('Name of the variable that holds the URL on the worker'),
  direct_connection_string_env: variableName.optional().describe('The same for a URL that goes around a connection pooler'),
  protected: z.boolean().optional().describe('Whether changes need approval. Default: true unless the name is dev, development, test, ci, local, staging or preview'),
  require_approval: z.boolean().optional().describe('Asks for approval in an environment that is not protected too'),
  backup_before_migrate: z.boolean().optional().describe('Back up before every change. Default: true except in development environments'),
  auto_migrate: z.boolean().optional().describe("FABER's build phase may apply without being asked; single operations are not affected"),
  backup_schedule: CronLine.optional().describe(
    'When a backup is taken by itself: five cron fields in UTC, for example "0 2 * * *". It takes effect with `faber-db schedule sync --apply`. Default: never',
  ),
  cleanup_schedule: CronLine.optional().describe('Overrides backup.cleanup_schedule; "off": never'),
  drill_schedule: CronLine.optional().describe('Overrides backup.drill_schedule; "off": never'),
  backup_retention_days: days.optional().describe('Overrides backup.retention_days'),
  hosting: Hosting.optional().describe('Overrides database.hosting'),
  region: z.string().min(1).max(50).optional().describe("Cloud region. Default for AWS: what the worker's AWS_REGION or AWS profile says"),
  rds_instance_id: z.string().regex(AWS_ID, AWS_ID_RULE).optional().describe('RDS instance of this environment; of an Aurora cluster: one of its instances'),
  rds_cluster_id: z.string().regex(AWS_ID, AWS_ID_RULE).optional().describe('Aurora cluster of this environment, with hosting aws-aurora'),
  assume_role_arn: RoleArn.optional()
    .describe("IAM role that the worker's own AWS credentials assume for RDS. Credentials come from the default chain of AWS only, never from here"),
  task_queue: z.string().min(1).max(200).optional().describe("Task queue of the worker that reaches this database. Default: the operation's own"),
});

const Migrations = z.object({
  directory: z.string().min(1).optional().describe("Folder of the migrations, relative to the working directory. Default: the tool's, for Prisma prisma/migrations. Knex, TypeORM and Sequelize find theirs by their own config"),
  table: z.string().min(1).max(63).optional().describe("The migration tool's ledger. Default: the tool's own (_prisma_migrations, knex_migrations, migrations, SequelizeMeta)"),
  config_file: z.string().min(1).max(500).optional().describe("The config of Knex, TypeORM or Sequelize, relative to the working directory. Default: where the tool finds it"),
  url_variable: variableName.optional().describe("Name of the variable in which the tool's config finds the URL of the database, beside DATABASE_URL and that of the environment, which hold it too"),
  variables: z.array(variableName).max(50).default([]).describe("Names of the worker's variables that migrations of Knex, TypeORM and Sequelize see too. By default they see none but PATH, HOME, TMPDIR, LANG, TZ and NODE_ENV"),
  timeout_seconds: seconds.default(300).describe('How long one migration may run'),
  lock_timeout_seconds: seconds.default(60).describe('How long to keep trying for a lock that the application holds'),
  concurrent_timeout_seconds: seconds.default(3600).describe('How long a statement that cannot run in a transaction may run, for example CREATE INDEX CONCURRENTLY'),
});

const ApprovalKey = z.object({
  id: z.string().min(1).max(200).optional().describe("Name of the key in plan, answer and audit, and its `kid` in tokens. Default: the JWK's kid, else its thumbprint (RFC 7638)"),
  key: z
    .union([z.string().min(1), z.record(z.string(), z.unknown())], { error: 'must be a public key: PEM text, a JWK, or the path of a file with one' })
    .describe('A public key: PEM text, a JWK, or the path of a file with one, relative to the working directory. Ed25519, P-256, or RSA of 2048 bits or more'),
  signs_for: z.array(z.string().min(1)).min(1).describe('Whose decisions this key may sign: names, or patterns with *'),
});

const Approval = z.object({
  approvers: z.array(z.string().min(1)).default([]).describe('Who may approve: names, or patterns with *. Empty: anyone'),
  minimum_approvals: z.number().int().min(1).max(20).default(1).describe('How many different people must approve'),
  forbid_requester: z.boolean().default(true).describe('Whoever asked may not approve'),
  timeouts: z.partialRecord(Risk, seconds).default({}).describe('How long to wait, in seconds, by risk. Default: 24 hours each'),
  confirmation_phrase: z.string().min(1).max(200).nullable().default(null).describe('Must stand in the comment of an approval of a destructive plan'),
  verification: Verification.default('claimed').describe(
    "How who decides is known. claimed: the decision's own word, not verified; principal: who the Temporal server authenticated; signed: a signature, by keys or jwks",
  ),
  keys: z.array(ApprovalKey).max(50).default([]).describe('With verification signed: public keys of people'),
  jwks: z
    .string()
    .min(1)
    .optional()
    .describe('With verification signed: keys of an issuer that vouches for the names in its tokens: https URL or file of a JWK set. Needs issuer'),
  issuer: z.string().min(1).max(500).optional().describe("With verification signed: what `iss` of each token must be"),
  audience: z.string().min(1).max(500).default('faber-db').describe('With verification signed: what `aud` of each token must hold'),
});

const Safety = z.object({
  protected_environments: z.array(z.string().min(1)).default([]).describe('Protected in any case: names, or patterns with *'),
  require_approval_for: z
    .array(z.enum(APPROVABLE_OPERATIONS))
    .default(['migrate', 'rollback', 'rollback-to', 'restore', 'seed'])
    .describe('Operations that need approval in protected environments; rollback includes rollback-to and restore'),
  health_check_before_deploy: z.boolean().default(true).describe('Refuse to change an unhealthy database'),
  health_check_after_deploy: z.boolean().default(true).describe('Check health after the change'),
  rollback_on_migration_failure: z.boolean().default(true).describe('Undo by itself when a migration fails'),
  rollback_on_health_check_failure: z.boolean().default(true).describe('Undo by itself when the database is unhealthy after the change'),
  max_auto_rollback_attempts: z.number().int().min(0).max(10).default(1).describe('How often to try to undo; 0: never by itself'),
  validate_destructive_operations: z.boolean().default(true).describe('A migration that destroys data makes the plan destructive: confirmation phrase and timeout of that class. false: it is shown, and counts as high; without effect where protected'),
  forbidden_statements: z
    .array(StatementKind)
    .default([])
    .describe('A migration with such a statement is refused. Found by the grammar: what a DO block or a function does is shown as a finding and not found by this'),
  hold_writes: z.boolean().default(false).describe('Hold off writes of others from before the backup until the end'),
  heartbeat_timeout_seconds: z
    .number()
    .min(5)
    .max(600)
    .default(20)
    .describe('A worker that is silent for so long is taken for dead, and another goes on with its step. Shorter: sooner after a crash, but a busy host may lose its step'),
  on_failure: z
    .enum(['ladder', 'restore', 'stop'])
    .default('ladder')
    .describe('ladder: the cheapest undo that loses nothing; restore: may also restore the backup and lose writes since; stop: never by itself'),
  approval: Approval.prefault({}).describe('Who approves, and how long that is waited for'),
});

const Seed = z.object({
  command: z.string().min(1).max(2000).optional().describe("The command of seed, split at spaces (no shell reads it). Default: the project's own, for Prisma `migrations.seed` of prisma.config or `prisma.seed` of package.json"),
  timeout_seconds: seconds.default(600).describe('How long it may run'),
  url_variable: variableName.default('DATABASE_URL').describe('Name of the variable in which the command finds the URL of the database'),
  variables: z.array(variableName).max(50).default([]).describe("Names of the worker's variables that the command sees too. By default it sees none but PATH, HOME, TMPDIR, LANG and TZ"),
});

const SIZE = /^\s*(\d+(?:\.\d+)?)\s*(MB|GB|TB)\s*$/i;
const UNITS: Record<string, number> = { MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };

const Size = z.union([z.number().positive(), z.string().regex(SIZE, 'must be bytes, or a size such as "20GB"')], {
  error: 'must be bytes, or a size such as "20GB"',
});

/** Bytes of `20GB` or of a number of bytes. */
export function bytesOf(size: z.infer<typeof Size>): number {
  if (typeof size === 'number') return size;
  const [, amount = '0', unit = 'MB'] = SIZE.exec(size) ?? [];
  return Math.round(Number(amount) * (UNITS[unit.toUpperCase()] ?? 1));
}

const S3 = z.object({
  region: z.string().min(1).max(50).optional().describe("Region of the bucket. Default: the environment's, else what the worker's AWS_REGION or AWS profile says"),
  endpoint: z.string().refine(isPluginUrl, 'must be a plain https URL, or http on this machine').optional().describe('URL of a server that speaks S3. Default: that of AWS'),
  encryption: z.enum(['AES256', 'aws:kms']).optional().describe("Server-side encryption of what is written. Default: the bucket's own"),
  kms_key_id: z.string().min(1).max(2048).optional().describe("Id or ARN of the KMS key, with encryption aws:kms. Default: AWS's own key"),
  storage_class: z
    .enum(['STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'])
    .optional()
    .describe("Storage class of dumps. Only those that can be read at once: a restore does not wait for a thaw. Default: the bucket's own"),
  assume_role_arn: RoleArn.optional().describe("IAM role that the worker's own AWS credentials assume for the store"),
});

const Backup = z.object({
  method: BackupMethod.optional().describe(
    'dump: a dump in the store; snapshot: a manual snapshot of the RDS instance or Aurora cluster, with its manifest in the store. Default: snapshot with hosting aws-rds or aws-aurora where rds_instance_id or rds_cluster_id is given, else dump',
  ),
  location: z.string().min(1).optional().describe(
    'Where the backups go: a folder, relative to the working directory, or s3://bucket/prefix. Default: $FABER_DB_STORE, else the data folder of the user',
  ),
  encryption: z
    .object({
      key_env: variableName.describe('Name of the variable on the worker that holds the key of new backups: one age key, AGE-SECRET-KEY-1…'),
      old_key_envs: z.array(variableName).max(20).default([]).describe('Names of variables that hold earlier keys: backups that were taken with one of them can still be restored'),
    })
    .optional()
    .describe('Encrypts backups on the worker, before they reach the store, in the format of age. Default: not'),
  s3: S3.optional().describe('Of a location in S3, where the defaults do not fit. Credentials come from the default chain of AWS only, never from here'),
  retention_days: days.optional().describe('Default: 30 in development, 60 in staging, 90 where protected'),
  auto_cleanup: z.boolean().default(true).describe('Remove what is older than that after each backup, and by schedule: backups, databases that restores replaced, plans. Never the newest or the newest proven backup, a labelled one, or one that an operation needs'),
  cleanup_schedule: CronLine.optional().describe(
    'When retention runs by itself in environments with a backup_schedule: five cron fields in UTC, or "off". Default: daily at 04:30 where auto_cleanup is on',
  ),
  drill_schedule: CronLine.optional().describe(
    'When the newest backup of environments with a backup_schedule is really restored, into a scratch database on the same server: five cron fields in UTC. Default: never',
  ),
  compression: z.enum(['auto', 'zstd', 'gzip', 'none']).default('auto').describe('auto: zstd where the program is there, else gzip'),
  verify: z.enum(['checked', 'proven']).optional().describe(
    'checked: read to the end; proven: restored into a scratch database. Default: proven where protected. Of a snapshot, checked: it is available, encrypted as its source and as its manifest says; proven: restored to an instance of its own, which takes long and is paid for, so that it is the default of none',
  ),
  max_database_size: Size.default('20GB').describe('Above it a backup is checked, not proven: bytes, or for example "20GB"'),
});

const HealthChecks = z.object({
  latency_warning_ms: z.number().positive().default(100).describe('Degraded from here on'),
  latency_critical_ms: z.number().positive().default(500).describe('Unhealthy from here on'),
  pending_migrations_warning: z.number().int().min(0).default(5).describe('Degraded with more pending migrations'),
  long_transaction_warning_seconds: z.number().positive().default(300).describe('Degraded with an older transaction'),
  connections_warning_percent: z.number().positive().max(100).default(90).describe('Degraded with more of the connections used'),
  disk_free_warning_percent: z.number().positive().max(100).default(10).describe('Degraded with less disk free, where that can be measured'),
});

const PLUGIN = 'an https URL (http on this machine), the path of an executable, relative to the working directory, or the name of one on the worker\'s PATH';
const plugin = z.string().min(1).max(1000).regex(/^[^\0]*$/, 'must be an executable or a URL');

const Integration = z.object({
  cloud_plugin: plugin.nullish().describe(`Makes sure that the server of an environment is there, where hosting is not local: ${PLUGIN}`),
  cloud_timeout_seconds: seconds.default(3600).describe('How long to wait for the server that cloud_plugin provides'),
  work_plugin: plugin.nullish().describe(`Gets the answer of each operation, for the work item that it belongs to: ${PLUGIN}`),
  logs_plugin: plugin.nullish().describe(`Also gets each audit record: ${PLUGIN}`),
  notify_url_env: variableName.optional().describe('Name of the variable on the worker that holds a webhook, which is told what waits for people and what ended. Any that takes {"text": "…"}'),
  temporal_ui: z.string().refine(isPluginUrl, 'must be a plain URL').optional().describe('Where people reach the Temporal Web UI, for links, for example "https://temporal.example.com"'),
});

const Phases = z.object({
  evaluate: z
    .object({
      test_command: z.string().min(1).max(2000).nullish().describe("The project's integration tests: a command, split at spaces as the seed's is, run in the working directory. It sees the URL of the database in the variable that the config names for it and in DATABASE_URL"),
      test_timeout_seconds: seconds.default(1800).describe('How long they may run'),
      integrity_checks: z.array(z.string().min(1).max(500)).max(50).default([]).describe('SQL files, relative to the working directory: each is one query that must find no row, run in a read-only transaction'),
      integrity_timeout_seconds: seconds.default(300).describe('How long one of them may run'),
    })
    .prefault({})
    .describe('What must hold in staging before a release'),
  release: z
    .object({
      watch_seconds: z.number().int().min(1).max(3600).default(300).describe('How long health is watched after the change, the lock kept; when it turns unhealthy, the change is undone'),
      watch_interval_seconds: z.number().min(1).max(300).default(10).describe('How often it is looked'),
    })
    .prefault({})
    .describe('How a release is watched'),
});

export const Config = z.object({
  schema_version: z.literal('1.0').default('1.0').describe('Version of this schema'),
  database: Database.prefault({}).describe('System, place and migration tool'),
  environments: z.record(z.string(), Environment).default({}).describe('By name, as requests name them'),
  migrations: Migrations.prefault({}).describe('Where migrations are and how long they may take'),
  seed: Seed.prefault({}).describe('How a database is seeded'),
  safety: Safety.prefault({}).describe('What protects a change'),
  backup: Backup.prefault({}).describe('Where backups go and how they are verified'),
  health_checks: HealthChecks.prefault({}).describe('Thresholds of the health check'),
  integration: Integration.prefault({}).describe('Other plugins'),
  phases: Phases.prefault({}).describe('What the phases of a pipeline do besides the operations'),
});
export type Config = z.output<typeof Config>;
export type EnvironmentConfig = Config['environments'][string];

/** JSON Schema of the config file, for editors and for whoever writes one. Defaulted keys are optional. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(Config, { io: 'input' });
  return { $schema, title: 'faber-db configuration', ...schema };
}
