/** Everything that the demo runs on: a project folder, PostgreSQL with the shop's database, Temporal, a worker. */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { DEFAULT_TASK_QUEUE } from '../../contract/names.js';
import { postgresPrograms } from '../postgres-programs.js';
import { startPostgres, type PostgresServer } from '../postgres-server.js';
import { temporalCli } from '../temporal-cli.js';
import { startTemporal, type TemporalServer } from '../temporal-server.js';
import { startWorker } from '../worker-process.js';

export interface Scene {
  /** The project's working directory, a copy of `examples/shop`. */
  project: string;
  /** Of the application's role, owner of its database and no superuser. */
  databaseUrl: string;
  /** The server's version, for people. */
  postgresVersion: string;
  postgres: PostgresServer;
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
export async function setScene(say: (line: string) => void, cleanUps: (() => Promise<void>)[]): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'faber-db-demo-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  const project = join(folder, 'shop');
  await cp(join(EXAMPLES, 'shop'), project, { recursive: true });

  const postgres = await startPostgres(await postgresPrograms(say));
  cleanUps.push(() => postgres.stop());
  const { url: databaseUrl, version: postgresVersion } = await createShopDatabase(postgres);
  say(`PostgreSQL ${postgresVersion}   ${postgres.host}:${postgres.port}`);

  const temporal = await startTemporal(await temporalCli(say));
  cleanUps.push(() => temporal.stop());
  say(`Temporal          ${temporal.address}   Web UI ${temporal.webUi}`);

  const workerLog = join(folder, 'worker.log');
  const worker = await startWorker({
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue: DEFAULT_TASK_QUEUE,
    // Only the worker knows the database's URL; what asks and what approves knows the variable's name.
    env: { PROD_DATABASE_URL: databaseUrl, FABER_DB_PG_BIN: postgres.binDir, FABER_DB_METRICS: 'off' },
    logFile: workerLog,
  });
  cleanUps.push(() => worker.stop('SIGTERM'));
  say(`Worker            polls ${DEFAULT_TASK_QUEUE} (pid ${worker.pid})`);

  return {
    project, databaseUrl, postgresVersion, postgres, temporal, workerLog,
    checkOutRelease2: () => cp(join(EXAMPLES, 'shop-release-2'), project, { recursive: true }),
    strike: () => strike(cleanUps),
    leave: () => {
      for (const one of [worker, temporal, postgres]) one.leaveRunning();
      return [`kill ${worker.pid} ${temporal.pid}; kill -INT ${postgres.pid}`, `rm -rf ${folder} ${temporal.folder} ${postgres.folder}`];
    },
  };
}

/** Ends what was started, last first; goes on after one that fails. */
export async function strike(cleanUps: (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw new AggregateError(errors, 'not everything could be cleaned up');
}

/** As on a hosted server: a role of its own, owner of the database, that may create databases and is no superuser. */
async function createShopDatabase({ adminUrl, host, port }: PostgresServer): Promise<{ url: string; version: string }> {
  const password = randomBytes(18).toString('base64url');
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(`CREATE ROLE shop LOGIN CREATEDB PASSWORD ${pg.escapeLiteral(password)}`);
    await admin.query('CREATE DATABASE shop OWNER shop');
    const { rows } = await admin.query<{ version: string }>("SELECT split_part(current_setting('server_version'), ' ', 1) AS version");
    return { url: `postgresql://shop:${password}@${host}:${port}/shop`, version: rows[0]?.version ?? '' };
  } finally {
    await admin.end();
  }
}
