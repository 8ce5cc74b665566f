/**
 * The worker: the only composition root. Connects, builds the handlers, runs workflows and activities until a signal.
 *
 * Environment: TEMPORAL_* and profiles as `@temporalio/envconfig` reads them; FABER_DB_TASK_QUEUE;
 * FABER_DB_METRICS (`host:port` of the Prometheus endpoint, `off`; default 127.0.0.1:9464);
 * FABER_DB_SHUTDOWN_GRACE_SECONDS (default 30); FABER_DB_LOG_LEVEL; FABER_DB_ROOTS (folders that projects may lie in,
 * separated by colons; without it, any); and the variables that the configs name for URLs.
 */
import { existsSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, type LogLevel, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { pino, type Logger } from 'pino';
import { createActivities } from './src/activities/index.js';
import type { Dependencies } from './src/activities/dependencies.js';
import { DEFAULT_TASK_QUEUE } from './src/contract/names.js';
import { requireAllowed } from './src/handlers/allowed-roots.js';
import { verifyToken } from './src/handlers/approval/index.js';
import { backupHandlers, stores } from './src/handlers/backup/index.js';
import { configuredEnvironments, developmentEnvironment, loadSettings } from './src/handlers/config-file.js';
import { databaseHandlers } from './src/handlers/database/index.js';
import { postNotification } from './src/handlers/integration/notify.js';
import { driftHandlers } from './src/handlers/drift/index.js';
import { plugins } from './src/handlers/integration/plugins.js';
import { migrationHandlers } from './src/handlers/migration/index.js';
import { seedHandler } from './src/handlers/seed/index.js';

export interface WorkerSettings {
  taskQueue?: string;
  /** `host:port`, or `off`. */
  metrics?: string;
  env?: NodeJS.ProcessEnv;
}

const DEFAULT_METRICS = '127.0.0.1:9464';

/** Everything the activities need, from the real handlers. */
export function dependencies(env: NodeJS.ProcessEnv): Dependencies {
  return {
    databases: databaseHandlers,
    migrations: migrationHandlers,
    backups: backupHandlers,
    drift: driftHandlers,
    openStore: stores(env),
    developmentEnvironment: (directory) => developmentEnvironment(directory, env),
    loadSettings: async (directory, environment) => loadSettings(directory, environment ?? (await configuredEnvironments(directory, env))[0] ?? '', env),
    configuredEnvironments: (directory) => configuredEnvironments(directory, env),
    plugins: plugins(env),
    postNotification,
    requireAllowed: (path, what) => requireAllowed(path, what, 'config_invalid', env),
    seeds: seedHandler,
    verifyToken,
    env,
  };
}

/**
 * Runs a worker until SIGINT or SIGTERM. A deploy in the middle of a change finishes it within the grace time or hands it
 * over: what runs then ends, and the next worker reads the ledger and goes on.
 * @throws Error when Temporal cannot be reached
 */
export async function runWorker(settings: WorkerSettings = {}): Promise<void> {
  const env = settings.env ?? process.env;
  const taskQueue = settings.taskQueue ?? env['FABER_DB_TASK_QUEUE'] ?? DEFAULT_TASK_QUEUE;
  const log = pino({ name: 'faber-db', level: (env['FABER_DB_LOG_LEVEL'] ?? 'info').toLowerCase() });
  const metrics = await metricsAddress(settings.metrics ?? env['FABER_DB_METRICS'] ?? DEFAULT_METRICS, log);
  Runtime.install({
    logger: new DefaultLogger((env['FABER_DB_LOG_LEVEL'] ?? 'info').toUpperCase() as LogLevel, (entry) => {
      const level = entry.level === 'TRACE' ? 'trace' : (entry.level.toLowerCase() as 'debug' | 'info' | 'warn' | 'error');
      log[level](withoutErrors(entry.meta), entry.message);
    }),
    telemetryOptions: metrics === null ? {} : { metrics: { prometheus: { bindAddress: metrics } } },
  });
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const connection = await NativeConnection.connect({ address: '127.0.0.1:7233', ...connectionOptions });
  try {
    const worker = await Worker.create({
      connection,
      namespace,
      taskQueue,
      ...workflowCode(),
      ...PATIENCE,
      ...versioning(env),
      activities: createActivities(dependencies(env)),
      // 0, the default, would fail each running change at every deploy.
      shutdownGraceTime: `${Number(env['FABER_DB_SHUTDOWN_GRACE_SECONDS'] ?? 30)} seconds`,
      maxConcurrentActivityTaskExecutions: 20,
      // A cancellation reaches an activity with the answer to a heartbeat, and people see the step that runs by it: by
      // default the SDK would hold heartbeats back for most of their timeout.
      maxHeartbeatThrottleInterval: '1 second',
    });
    log.info({ taskQueue, namespace, address: connectionOptions.address, metrics }, 'worker started');
    await worker.run();
    log.info({ taskQueue }, 'worker stopped');
  } finally {
    await connection.close();
  }
}

/**
 * How long one task of a workflow may compute: an option that the SDK takes and does not declare. By default it ends a task by
 * force after 5 s, in the middle of a promise, and Node then aborts the process ("async hook stack has become corrupted"). Ran:
 * thousands of signals in one task on a busy host took the worker along, with every operation in it.
 */
const PATIENCE = { isolateExecutionTimeout: '2 minutes' };

/** The bundle that the build made (0.5 to 1 s saved at each start), and the converter that goes with it. */
export function workflowCode(): Required<Pick<WorkerOptions, 'workflowBundle' | 'dataConverter'>> {
  // Run from the sources (tests), dist lies beside this file.
  const dist = new URL(import.meta.url.endsWith('.ts') ? './dist/' : './', import.meta.url);
  return {
    workflowBundle: { codePath: fileURLToPath(new URL('workflow-bundle.js', dist)) },
    dataConverter: { payloadConverterPath: fileURLToPath(new URL('src/temporal/payload-converter.js', dist)) },
  };
}

/**
 * Pinned: an operation that waits for days ends on the code that it began with, whatever is deployed meanwhile. The server gives
 * work to a build only once it is made the current one: `temporal worker deployment set-current-version`.
 */
function versioning(env: NodeJS.ProcessEnv): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  const buildId = env['FABER_DB_BUILD_ID'];
  if (!buildId) return {};
  const version = { deploymentName: env['FABER_DB_DEPLOYMENT'] ?? 'faber-db', buildId };
  return { workerDeploymentOptions: { useWorkerVersioning: true, version, defaultVersioningBehavior: 'PINNED' } };
}

/** Error objects in log entries can quote anything; their kind is enough beside the message. */
function withoutErrors(meta: Record<string | symbol, unknown> = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(meta).map(([key, value]) => [key, value instanceof Error ? `${value.name}: ${value.message}` : typeof value === 'bigint' ? Number(value) : value]),
  );
}

/** Two workers on one host must both start: without its port the second goes without metrics, and says so. */
async function metricsAddress(wanted: string, log: Logger): Promise<string | null> {
  if (wanted === 'off' || wanted === '') return null;
  const [, host = '127.0.0.1', port = '9464'] = /^(?:(.*):)?(\d+)$/.exec(wanted) ?? [];
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(Number(port), host, () => server.close(() => resolve(true)));
  });
  if (!free) log.warn({ metrics: wanted }, 'metrics are off: the address is in use');
  return free ? `${host}:${port}` : null;
}

if (process.argv[1] !== undefined && existsSync(process.argv[1]) && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  runWorker().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  });
}
