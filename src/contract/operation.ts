/** The operations of the JSON contract, and the request that starts one. */
import { z } from 'zod';

/** A migration's directory or file name; never a path. */
export const MigrationName = z
  .string()
  .min(1)
  .max(255)
  // No separators, no control characters, not `.` or `..`: the name becomes a path segment.
  .regex(/^(?!\.{1,2}$)[^/\\\p{Cc}]+$/u, 'must be the name of a migration, not a path')
  .describe("A migration's name, for example 20260124103000_add_users");

/** The id of a backup: `backup-YYYYMMDD-HHMMSS[-label]`. */
export const BackupId = z
  .string()
  .max(120)
  .regex(/^backup-\d{8}-\d{6}(-[a-z0-9][a-z0-9-]*)?$/, 'must look like backup-20260124-103000 or backup-20260124-103000-label')
  .describe('A backup id, as `list-backups` shows it');

/** What a new migration is called, without the time that goes before it. Prisma's own names are no wider. */
const NewMigrationName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'must be letters, digits, underscores and dashes, and begin with a letter or digit')
  .describe('What the migration is for, for example add_users; the time is put before it');

const EnvironmentName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be a name of letters, digits, dot, dash and underscore')
  .describe('The environment, a key of `environments` in the config');

const WorkingDirectory = z
  .string()
  .max(4096)
  .regex(/^\/[^\0]*$/, 'must be an absolute path')
  .describe('Absolute path of the project on the worker');

const base = { environment: EnvironmentName, working_directory: WorkingDirectory.optional() };

/** The identity of a database, as a refusal names it. It holds no secret. */
export const DatabaseIdentityName = z
  .string()
  .max(300)
  .regex(/^[a-z]+:[^/\p{Cc}]+\/[^\p{Cc}]+$/u, 'must be the identity of a database, for example postgresql:7311415926535897932/shop')
  .describe('The identity of the target, which has no marker of faber-db yet: says that it is really the database of this environment, and marks it');

const WatchSeconds = z
  .number()
  .int()
  .min(1)
  .max(3600)
  .optional()
  .describe('Watch the health of the database for so long after the change, its lock kept, and undo when it turns unhealthy. Part of the plan that is approved');

const adopt = { adopt: DatabaseIdentityName.optional() };

/** How a failed migration row of another runner is settled, by migration name. */
export const Resolution = z
  .record(MigrationName, z.enum(['applied', 'rolled_back']))
  .describe('What really happened to a failed migration that another runner left: applied, or rolled_back');
export type Resolution = z.infer<typeof Resolution>;

/** Parameters of each operation, by its name in the contract. */
export const OperationParameters = {
  'initialize-database': z.strictObject({
    ...base,
    ...adopt,
    database_name: z.string().min(1).max(63).optional().describe('The database to be created. It must be the one that the connection URL names; where it is not, nothing is done'),
    dry_run: z.boolean().default(false).describe('Answer the plan and change nothing'),
  }),
  migrate: z.strictObject({
    ...base,
    ...adopt,
    dry_run: z.boolean().default(false).describe('Answer the plan and change nothing'),
    baseline: MigrationName.optional().describe(
      'For a database without a ledger: the last migration that it already holds; it and all before it are recorded as applied',
    ),
    watch_seconds: WatchSeconds,
  }),
  'migrate-preview': z.strictObject({ ...base, ...adopt, baseline: MigrationName.optional(), watch_seconds: WatchSeconds }),
  rollback: z.strictObject({
    ...base,
    ...adopt,
    steps: z.number().int().min(1).max(1000).default(1).describe('How many of the last applied migrations to undo'),
    dry_run: z.boolean().default(false).describe('Answer the plan and change nothing'),
  }),
  'rollback-to': z
    .strictObject({
      ...base,
      ...adopt,
      migration: MigrationName.optional().describe('Undo every migration applied after this one'),
      backup_id: BackupId.optional().describe('Restore this backup'),
      dry_run: z.boolean().default(false),
    })
    .refine((p) => (p.migration === undefined) !== (p.backup_id === undefined), {
      error: 'give either migration or backup_id',
      path: ['migration'],
    }),
  restore: z.strictObject({
    ...base,
    ...adopt,
    backup_id: BackupId,
    from: EnvironmentName.optional().describe(
      'The environment whose backup it is. Needed where the backup is of another database than the target: another environment, or the same one on a new server',
    ),
    dry_run: z.boolean().default(false),
  }),
  seed: z.strictObject({ ...base, ...adopt, dry_run: z.boolean().default(false).describe('Answer the plan and change nothing') }),
  reset: z.strictObject({
    ...base,
    ...adopt,
    seed: z.boolean().default(false).describe("Run the project's seed on the rebuilt database before it takes the old one's place"),
    dry_run: z.boolean().default(false).describe('Answer the plan and change nothing'),
  }),
  backup: z.strictObject({
    ...base,
    label: z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, 'must be lower-case letters, digits and dashes').optional(),
    reason: z.string().max(500).optional(),
  }),
  'generate-migration': z.strictObject({
    name: NewMigrationName,
    environment: EnvironmentName.optional().describe('On whose server the scripts are tried. Default: the first development-like one of the config'),
    working_directory: WorkingDirectory.optional(),
  }),
  'health-check': z.strictObject(base),
  status: z.strictObject({
    environment: EnvironmentName.optional().describe('Without it: all environments of the config'),
    working_directory: WorkingDirectory.optional(),
    drift: z.boolean().default(true).describe('Compare each schema with what the migrations make'),
  }),
  'list-backups': z.strictObject({ environment: EnvironmentName.optional(), working_directory: WorkingDirectory.optional() }),
  'read-schedules': z.strictObject({ working_directory: WorkingDirectory.optional() }),
  'cleanup-backups': z.strictObject({ ...base, apply: z.boolean().default(false).describe('Remove what retention takes; without it, only say what that is') }),
  'verify-backup': z.strictObject({ ...base, backup_id: BackupId.optional().describe('Which backup is really restored, into a scratch database. Default: the newest') }),
  build: z.strictObject({
    ...base,
    environment: EnvironmentName.default('dev').describe('Where the migrations are applied. Default: dev'),
    name: NewMigrationName.optional().describe('Generates a migration of this name first, where the schema has changed'),
  }),
  evaluate: z.strictObject({ ...base, environment: EnvironmentName.default('staging').describe('Where it is evaluated. Default: staging') }),
  release: z.strictObject({ ...base, environment: EnvironmentName.default('production').describe('What is released to. Default: production') }),
} as const;

export const OperationName = z.enum(
  Object.keys(OperationParameters) as [keyof typeof OperationParameters, ...(keyof typeof OperationParameters)[]],
);
export type OperationName = z.infer<typeof OperationName>;
/** The parameters of operation `O` after validation, with defaults filled in. */
export type ParametersOf<O extends OperationName> = z.output<(typeof OperationParameters)[O]>;
/** The parameters of operation `O` as a caller writes them. */
export type ParametersInput<O extends OperationName> = z.input<(typeof OperationParameters)[O]>;

/** Operations that change the database and therefore run the guarded sequence. */
export const GUARDED_OPERATIONS = ['initialize-database', 'migrate', 'rollback', 'rollback-to', 'restore', 'seed', 'reset'] as const satisfies readonly OperationName[];
export type GuardedOperation = (typeof GUARDED_OPERATIONS)[number];

/** Phases of a pipeline: they start operations, one after the other. */
export const PHASES = ['build', 'evaluate', 'release'] as const satisfies readonly OperationName[];
export type PhaseName = (typeof PHASES)[number];

/** A request as a caller writes it. `working_directory` may stand here or in `parameters`. */
export const RequestEnvelope = z.strictObject({
  operation: z.string(),
  parameters: z.record(z.string(), z.unknown()).default({}),
  working_directory: WorkingDirectory.optional(),
  requested_by: z.string().min(1).max(200).optional().describe('Who asks; shown as unverified'),
});
export type RequestEnvelope = z.input<typeof RequestEnvelope>;

/** A request after validation: known operation, checked parameters, one working directory. */
export type Request<O extends OperationName = OperationName> = {
  [K in O]: { operation: K; parameters: Omit<ParametersOf<K>, 'working_directory'> & { working_directory: string } };
}[O];

/** What a workflow is started with. The request is parsed again on the worker: the Web UI can start workflows too. */
export interface OperationInput {
  /** The request as the client sent it, with `working_directory` filled in. */
  request: unknown;
  /** Who asked, by their own word. */
  requested_by: string;
  /** Set by a phase that starts this operation. */
  phase?: 'build';
}
