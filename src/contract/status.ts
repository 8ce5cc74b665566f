/** The answer of `status`: environments side by side. */
import { z } from 'zod';
import { Drift } from './drift.js';
import { ErrorCode } from './failure.js';
import { BackupLevel } from './settings.js';

/** Names are shown up to this many; the count is always whole. */
export const SHOWN_NAMES = 20;

const Names = z.object({ count: z.number().int(), names: z.array(z.string()).describe(`The first ${SHOWN_NAMES}`) });

export const MigrationsInShort = z.object({
  ledger: z.boolean().describe("Whether the migration tool's ledger is there"),
  applied: z.object({ count: z.number().int(), last: z.string().nullable().describe('The one applied last') }),
  pending: Names.describe('In the project, not applied'),
  failed: Names.describe('Begun by some runner and never finished'),
  edited: Names.describe('Applied, and their files are not what was applied (sha256)'),
  missing: Names.describe('Applied, and not in the project any more'),
  out_of_order: Names.describe('Pending although a later one is applied'),
});
export type MigrationsInShort = z.infer<typeof MigrationsInShort>;

export const RunningOperation = z.object({
  workflow_id: z.string(),
  operation: z.string(),
  phase: z.string().nullable().describe('What it does now; null where no worker answers for it'),
  waiting_for: z.string().nullable().describe('What it waits for, in words; null while it works'),
  command: z.string().nullable().describe('What a person can type about it'),
  requested_by: z.string(),
  started_at: z.string(),
});
export type RunningOperation = z.infer<typeof RunningOperation>;

export const InterruptedOperationInShort = z.object({
  operation_id: z.string(),
  operation: z.string(),
  begun_at: z.string(),
});

export const Problem = z.object({ code: ErrorCode, message: z.string(), suggestions: z.array(z.string()) });
export type Problem = z.infer<typeof Problem>;

/** What a worker finds out by looking at one environment. */
export const EnvironmentFacts = z.object({
  reachable: z.boolean().nullable().describe('null: nobody could look'),
  problem: Problem.nullable().describe('Why it is not reachable'),
  env_vars: z.array(z.object({ name: z.string(), value: z.enum(['SET', 'NOT SET']) })).describe('Variables that the config names, as they are on the worker; never their values'),
  database: z
    .object({
      identity: z.string().describe('System identifier of the server, and the name of the database'),
      name: z.string(),
      server_version: z.string(),
      size_bytes: z.number().nullable(),
      standby: z.boolean(),
      pooled: z.boolean().describe('Reached through a pooler in transaction mode: it cannot be changed that way'),
      marker: z.string().nullable().describe('Which environment the database says that it is (faber_db.marker); null: it was never marked'),
      empty: z.boolean(),
    })
    .nullable(),
  migrations: MigrationsInShort.nullable(),
  last_backup: z
    .object({
      backup_id: z.string(),
      created_at: z.string(),
      age_seconds: z.number().int(),
      level: BackupLevel,
      proven: z.boolean().describe('Whether it was restored to prove it'),
      size_bytes: z.number().int(),
    })
    .nullable(),
  interrupted: z.array(InterruptedOperationInShort).describe('Operations that began to change the database, never ended, and do not run'),
  changing: z.string().nullable().describe('The operation that changes the database right now'),
  warnings: z.array(z.string()).describe('About the config, and what could not be read'),
});
export type EnvironmentFacts = z.infer<typeof EnvironmentFacts>;

export const EnvironmentStatus = EnvironmentFacts.extend({
  environment: z.string(),
  protected: z.boolean().nullable(),
  task_queue: z.string().nullable().describe("Task queue of the worker that looked; null: the operation's own"),
  drift: Drift.nullable().describe('null: not asked for, or the database could not be reached'),
  running: z.array(RunningOperation).describe('Operations of this environment that work'),
  waiting: z.array(RunningOperation).describe('Operations of this environment that wait for a person or for the database'),
  next: z.array(z.string()).describe('What to do, most urgent first'),
});
export type EnvironmentStatus = z.infer<typeof EnvironmentStatus>;

export const StatusResult = z.object({
  environments: z.array(EnvironmentStatus).describe('In the order of the config'),
  not_shown: z.array(z.string()).describe('Further environments of the config: ask for them by name'),
});
export type StatusResult = z.infer<typeof StatusResult>;
