/** Everything that the demo runs on: a project folder, the shop's database, Temporal, a worker. */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_TASK_QUEUE } from '../../contract/names.js';
import { temporalCli } from '../temporal-cli.js';
import { startTemporal, type TemporalServer } from '../temporal-server.js';
import { startWorker } from '../worker-process.js';
import { chooseDatabase } from './database/choose.js';
import type { DemoDatabase } from './database/contract.js';
import type { DemoDatabaseName } from './options.js';

export interface Scene {
  /** The project's working directory, a copy of one of the examples. */
  project: string;
  database: DemoDatabase;
  temporal: TemporalServer;
  workerLog: string;
  /** Puts the second release over the first. */
  checkOutRelease2(): Promise<void>;
  /** Ends every process and deletes every file. Idempotent. */
  strike(): Promise<void>;
  /** Leaves all of it. @returns the shell commands that end it. */
  leave(): string[];
}

const EXAMPLES = fileURLToPath(new URL('../../../../examples', import.meta.url));

/**
 * Starts all of it, one after the other, saying what is there.
 * @param cleanUps gets an entry the moment there is something to undo, so that an interrupted start leaves nothing.
 */
export async function setScene(wanted: DemoDatabaseName | null, say: (line: string) => void, cleanUps: (() => Promise<void>)[]): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'faber-db-demo-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  const project = join(folder, 'shop');
  await mkdir(project);

  const database = await chooseDatabase(wanted, say, cleanUps, project);
  await cp(join(EXAMPLES, database.example), project, { recursive: true });
  say(`${database.name.padEnd(17)} ${database.place}`);

  const temporal = await startTemporal(await temporalCli(say));
  cleanUps.push(() => temporal.stop());
  say(`Temporal          ${temporal.address}   Web UI ${temporal.webUi}`);

  const workerLog = join(folder, 'worker.log');
  const worker = await startWorker({
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue: DEFAULT_TASK_QUEUE,
    // Only the worker knows the database's URL; what asks and what approves knows the variable's name.
    env: { PROD_DATABASE_URL: database.url, ...database.env, FABER_DB_METRICS: 'off' },
    logFile: workerLog,
  });
  cleanUps.push(() => worker.stop('SIGTERM'));
  say(`Worker            polls ${DEFAULT_TASK_QUEUE} (pid ${worker.pid})`);

  return {
    project, database, temporal, workerLog,
    checkOutRelease2: () => cp(join(EXAMPLES, `${database.example}-release-2`), project, { recursive: true }),
    strike: () => strike(cleanUps),
    leave: () => {
      for (const one of [worker, temporal]) one.leaveRunning();
      const { end, folders } = database.leave();
      return [[`kill ${worker.pid} ${temporal.pid}`, ...end].join('; '), `rm -rf ${[folder, temporal.folder, ...folders].join(' ')}`];
    },
  };
}

/** Ends what was started, last first; goes on after one that fails. */
export async function strike(cleanUps: (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw new AggregateError(errors, 'not everything could be cleaned up');
}
