/**
 * The whole thing on real parts: a database, a project with migrations, a store, a worker as a child process (so that it
 * can be killed), and a Temporal client. Every stack has a task queue of its own.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll } from 'vitest';
import type { OperationName, OperationState, Response } from '../../src/contract/index.js';
import type { Provider } from '../../src/contract/settings.js';
import { WORKFLOW_TYPES } from '../../src/contract/names.js';
import { startGroup, type GroupProcess } from '../../src/dev/process-group.js';
import { eventually } from './eventually.js';
import { createDatabase, postgres, type TestDatabase } from './postgres.js';
import { inDist } from './dist.js';
import { tempDir } from './temp.js';
import { temporal } from './temporal.js';


const URL_VARIABLE = 'PROD_DATABASE_URL';

export interface StackOptions {
  /** Merged over the config of the environment `production`. */
  environment?: Record<string, unknown>;
  safety?: Record<string, unknown>;
  backup?: Record<string, unknown>;
  migrations?: Record<string, unknown>;
  integration?: Record<string, unknown>;
  health_checks?: Record<string, unknown>;
  phases?: Record<string, unknown>;
  /** More variables of the worker. */
  env?: Record<string, string>;
  role?: 'owner' | 'superuser';
  /** Of the config and of the project; with a database of this system. */
  provider?: Provider;
  /** Use this one, on a server of its own. */
  database?: TestDatabase;
  /** More environments beside `production` and `dev`. */
  environments?: Record<string, Record<string, unknown>>;
  /** The variable that holds the URL on the worker. */
  urlVariable?: string;
  /** Instead of one of its own: several stacks served by one worker. */
  taskQueue?: string;
  /** Start no worker. */
  idle?: boolean;
  /** Another server than the run's own; with keys where it wants to know who calls. */
  temporal?: { address: string; namespace: string; client?: string; worker?: string };
}

export interface Stack {
  database: TestDatabase;
  directory: string;
  store: string;
  taskQueue: string;
  client: Client;
  logFile: string;
  worker(): GroupProcess;
  startWorker(env?: Record<string, string>): Promise<GroupProcess>;
  /** SIGKILLs the worker and every child of it. */
  killWorker(): Promise<void>;
  migration(name: string, up: string, down?: string): Promise<void>;
  start(operation: OperationName, parameters?: Record<string, unknown>, options?: { id?: string; requestedBy?: string }): Promise<Operation>;
}

export interface Operation {
  id: string;
  handle: WorkflowHandle;
  state(): Promise<OperationState>;
  /** Waits for the state to satisfy; fails with the last state after `seconds`. */
  until(what: (state: OperationState) => boolean, seconds?: number): Promise<OperationState>;
  /** The same for the child that holds the database. */
  untilChange(what: (state: OperationState) => boolean, seconds?: number): Promise<OperationState>;
  /** Waits for the approval phase and approves as `ana@example.com`. */
  approve(extra?: Record<string, unknown>): Promise<OperationState>;
  answer(): Promise<Response>;
}

export async function createStack(options: StackOptions = {}): Promise<Stack> {
  const database = options.database ?? (await createDatabase(options.role ? { role: options.role } : {}));
  const binDir = (options.provider ?? 'postgresql') === 'postgresql' ? (await postgres()).binDir : '';
  const directory = await tempDir();
  const store = join(await tempDir(), 'store');
  await writeConfig(directory, store, options);
  const { address, namespace } = options.temporal ?? (await temporal());
  const connection = await Connection.connect({ address, ...(options.temporal?.client === undefined ? {} : { apiKey: options.temporal.client, tls: false }) });
  const client = new Client({ connection, namespace });
  const taskQueue = options.taskQueue ?? `test-${randomBytes(5).toString('hex')}`;
  const logFile = join(await tempDir(), 'worker.log');
  let worker: GroupProcess | null = null;
  const stack: Stack = {
    database, directory, store, taskQueue, client, logFile,
    worker: () => worker!,
    async startWorker(env = {}) {
      const log = await open(logFile, 'a', 0o600);
      const starts = await startsIn(logFile);
      worker = await startGroup(process.execPath, [await inDist('worker.js')], {
        env: {
          ...process.env, ...(options.temporal?.worker === undefined ? {} : { TEMPORAL_API_KEY: options.temporal.worker, TEMPORAL_TLS: 'false' }), TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, FABER_DB_TASK_QUEUE: taskQueue, FABER_DB_METRICS: 'off',
          FABER_DB_SHUTDOWN_GRACE_SECONDS: '1', FABER_DB_PG_BIN: binDir, [options.urlVariable ?? URL_VARIABLE]: database.url, ...options.env, ...env,
        },
        stdio: ['ignore', log.fd, log.fd],
      });
      await log.close();
      await started(logFile, worker, starts);
      return worker;
    },
    async killWorker() {
      await worker?.stop('SIGKILL', 0);
      worker = null;
    },
    async migration(name, up, down) {
      const folder = join(directory, 'prisma', 'migrations', name);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'migration.sql'), up);
      if (down !== undefined) await writeFile(join(folder, 'down.sql'), down);
    },
    async start(operation, parameters = {}, { id, requestedBy = 'pipeline@example.com' } = {}) {
      const workflowId = id ?? `${operation}-${randomBytes(5).toString('hex')}`;
      const request = { operation, parameters: { environment: 'production', working_directory: directory, ...parameters } };
      const handle = await client.workflow.start(WORKFLOW_TYPES[operation], { workflowId, taskQueue, args: [{ request, requested_by: requestedBy }] });
      return operationOf(workflowId, handle, client);
    },
  };
  cleanUps.push(async () => {
    await worker?.stop('SIGTERM', 5_000);
    await connection.close();
  });
  if (!options.idle) await stack.startWorker();
  return stack;
}

const cleanUps: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function writeConfig(directory: string, store: string, options: StackOptions): Promise<void> {
  const url = options.urlVariable ?? URL_VARIABLE;
  const folder = join(directory, '.fractary', 'plugins', 'faber-db');
  await mkdir(folder, { recursive: true });
  const config = {
    schema_version: '1.0',
    database: { provider: options.provider ?? 'postgresql', hosting: 'local', migration_tool: 'prisma' },
    environments: {
      production: { connection_string_env: url, ...options.environment },
      dev: { connection_string_env: url },
      ...options.environments,
    },
    migrations: { directory: 'prisma/migrations', ...options.migrations },
    safety: { ...options.safety },
    backup: { location: store, ...options.backup },
    ...(options.integration ? { integration: options.integration } : {}),
    ...(options.health_checks ? { health_checks: options.health_checks } : {}),
    ...(options.phases ? { phases: options.phases } : {}),
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config, null, 2));
  await mkdir(join(directory, 'prisma', 'migrations'), { recursive: true });
  await writeFile(join(directory, 'package.json'), JSON.stringify({ name: 'shop', private: true, devDependencies: { prisma: '7.10.1' } }));
  await writeFile(join(directory, 'prisma', 'schema.prisma'), `datasource db {\n  provider = "${options.provider ?? 'postgresql'}"\n}\n`);
  await writeFile(join(directory, 'prisma', 'migrations', 'migration_lock.toml'), `provider = "${options.provider ?? 'postgresql'}"\n`);
}

async function untilState(state: () => Promise<OperationState>, what: (state: OperationState) => boolean, seconds: number): Promise<OperationState> {
  let last: unknown;
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(100)) {
    const seen = await state().catch((error: unknown) => {
      last = String(error);
      return null;
    });
    if (seen === null) continue;
    if (what(seen)) return seen;
    last = seen;
  }
  throw new Error(`waited ${seconds} s in vain; last state: ${JSON.stringify(last, null, 1)}`);
}

function operationOf(id: string, handle: WorkflowHandle, client: Client): Operation {
  const state = () => handle.query<OperationState>('state');
  const operation: Operation = {
    id,
    handle,
    state,
    until: (what, seconds = 60) => untilState(state, what, seconds),
    async untilChange(what, seconds = 60) {
      const { change_workflow_id } = await operation.until((s) => s.change_workflow_id !== null, seconds);
      return untilState(() => client.workflow.getHandle(change_workflow_id!).query<OperationState>('state'), what, seconds);
    },
    async approve(extra = {}) {
      const seen = await operation.until((s) => s.phase === 'waiting_for_approval' || s.answer !== null);
      if (seen.answer !== null) throw new Error(`nothing to approve: ${JSON.stringify(seen.answer)}`);
      await handle.signal('approve', { plan: seen.plan!.plan_hash.slice(0, 12), by: 'ana@example.com', ...extra });
      return seen;
    },
    answer: () => answerOf(handle),
  };
  return operation;
}

/** The answer, whether the workflow completed or failed with it. */
export async function answerOf(handle: WorkflowHandle): Promise<Response> {
  try {
    return (await handle.result()) as Response;
  } catch (error) {
    if (error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure && error.cause.details?.[0]) return error.cause.details[0] as Response;
    throw error;
  }
}

/** Waits until a migration of this database sleeps. */
export async function runsSleep({ database }: Stack): Promise<void> {
  const sql = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ 'pg_sleep' AND state = 'active'";
  await eventually(() => database.query(sql), (rows) => rows.length > 0);
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const startsIn = async (file: string) => (await readFile(file, 'utf8')).split('"worker started"').length - 1;

async function started(file: string, worker: GroupProcess, before: number): Promise<void> {
  let gone = false;
  void worker.closed.then(() => (gone = true));
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(50)) {
    if ((await startsIn(file)) > before) return;
    if (gone) throw new Error(`the worker ended: ${(await readFile(file, 'utf8')).slice(-2000)}`);
  }
  throw new Error('the worker did not start');
}
