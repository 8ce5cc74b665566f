import { join } from 'node:path';
import type { Settings } from '../../../../src/contract/settings.js';
import type { ConnectionTarget, DatabaseHandler } from '../../../../src/handlers/database/contract.js';
import { databaseHandlers } from '../../../../src/handlers/database/index.js';
import type { Migration, MigrationHandler, MigrationStatus, StepContext, StepOutcome } from '../../../../src/handlers/migration/contract.js';
import { migrationHandlers } from '../../../../src/handlers/migration/index.js';
import { createDatabase, type TestDatabase } from '../../../support/postgres.js';
import { writeProject, type ProjectMigration } from '../../../support/prisma-cli.js';
import { tempDir } from '../../../support/temp.js';

/** Settings as config loading would give them for a Prisma project. */
export function prismaSettings(root: string, directory = join(root, 'prisma', 'migrations')): Settings {
  return {
    environment: 'test', working_directory: root, provider: 'postgresql', hosting: 'local', migration_tool: 'prisma',
    connection_string_env: 'DATABASE_URL', direct_connection_string_env: null, protected: false, task_queue: null, approval_required: [],
    approval: {
      approvers: [], minimum_approvals: 1, forbid_requester: true, confirmation_phrase: null, verification: 'claimed',
      timeout_seconds: { low: 60, medium: 60, high: 60, destructive: 60 },
    },
    migrations: { directory, table: '_prisma_migrations', timeout_seconds: 60, lock_timeout_seconds: 20, concurrent_timeout_seconds: 60 },
    safety: {
      heartbeat_timeout_seconds: 20,
      health_check_before: true, health_check_after: true, rollback_on_migration_failure: true, rollback_on_health_check_failure: true,
      max_auto_rollback_attempts: 1, validate_destructive_operations: true, forbidden_statements: [], hold_writes: false, on_failure: 'ladder',
    },
    backup: { before_change: false, location: join(root, 'backups'), retention_days: 1, auto_cleanup: false, compression: 'auto', verify: 'checked', max_database_size: 1 },
    health: {
      latency_warning_ms: 100, latency_critical_ms: 500, pending_migrations_warning: 5, long_transaction_warning_seconds: 60,
      connections_warning_percent: 80, disk_free_warning_percent: 10,
    },
    seed: { command: null, timeout_seconds: 60, url_variable: 'DATABASE_URL', variables: [] },
    logs_plugin: null, schedules: { backup: null, cleanup: null, drill: null },
    warnings: [],
  };
}

/** A Prisma project in a folder of its own, on a database of its own, with the handlers over it and a fence taken. */
export interface Bench {
  root: string;
  url: string;
  db: TestDatabase;
  database: DatabaseHandler;
  handler: MigrationHandler;
  target: ConnectionTarget;
  context: StepContext;
  migrations(): Promise<Migration[]>;
  find(name: string): Promise<Migration>;
  status(): Promise<MigrationStatus>;
  /** Applies all that is pending, in order, until one fails. */
  applyPending(): Promise<Record<string, StepOutcome>>;
  /** Another operation, or another attempt of one: takes the fence over. */
  takeOver(operationId: string): Promise<StepContext>;
}

/** @param schema for `?schema=` */
export async function bench(migrations: Record<string, ProjectMigration>, schema?: string): Promise<Bench> {
  const root = await tempDir();
  await writeProject(root, migrations);
  const db = await createDatabase();
  const url = schema === undefined ? db.url : `${db.url}?schema=${schema}`;
  const database = databaseHandlers('postgresql');
  const handler = migrationHandlers('prisma', database);
  const target = database.target(url);
  const settings = prismaSettings(root);
  const takeOver = async (operationId: string): Promise<StepContext> => {
    const options = { signal: new AbortController().signal, lockTimeoutSeconds: 10, timeoutSeconds: 30 };
    const fence = await database.bookkeeping.takeFence(target, operationId, options);
    return { ...options, target, fence, settings, concurrentTimeoutSeconds: 30 };
  };
  const context = await takeOver('op-1');
  await handler.ensureLedger(context);
  const all = async () => (await handler.readProject(settings)).migrations;
  const find = async (name: string) => {
    const found = (await all()).find((migration) => migration.name === name);
    if (!found) throw new Error(`the project has no ${name}`);
    return found;
  };
  const status = async () => handler.compare(await all(), await handler.readLedger(target, settings));
  const applyPending = async () => {
    const outcomes: Record<string, StepOutcome> = {};
    for (const name of (await status()).pending) {
      outcomes[name] = await handler.apply(await find(name), context);
      if (outcomes[name].status === 'failed') break;
    }
    return outcomes;
  };
  return { root, url, db, database, handler, target, context, migrations: all, find, status, applyPending, takeOver };
}

export interface RawRow {
  id: string; checksum: string; migration_name: string; logs: string | null; applied_steps_count: number;
  finished: boolean; rolled_back: boolean; ordered: boolean;
}

/** The ledger as it stands in the table, oldest first, without its times. */
export function rawLedger(db: TestDatabase, schema = 'public'): Promise<RawRow[]> {
  return db.query<RawRow>(`SELECT id, checksum, migration_name, logs, applied_steps_count, finished_at IS NOT NULL AS finished,
      rolled_back_at IS NOT NULL AS rolled_back, finished_at IS NULL OR finished_at >= started_at AS ordered
    FROM "${schema}"._prisma_migrations ORDER BY started_at, migration_name`);
}
