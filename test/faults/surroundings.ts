/** Servers and networks of a case's own, since they are struck: what a stack is started with, and how they are struck. */
import { join } from 'node:path';
import { postgresPrograms } from '../../src/dev/postgres-programs.js';
import { startPostgres } from '../../src/dev/postgres-server.js';
import { temporalCli } from '../../src/dev/temporal-cli.js';
import { startTemporal } from '../../src/dev/temporal-server.js';
import { CuttableProxy } from '../support/cuttable-proxy.js';
import { createDatabase, postgres } from '../support/postgres.js';
import { sleep, type StackOptions } from '../support/stack.js';
import { tempDir } from '../support/temp.js';
import { temporal } from '../support/temporal.js';

export interface Surroundings {
  options: StackOptions;
  /** The blow; what follows is for `recover`. */
  strike(): Promise<void>;
  recover(): Promise<void>;
  close(): Promise<void>;
}

/** How long a server is away. */
const AWAY_MS = 2_000;
/** Longer than the heartbeat timeout of the scenes, so that an attempt is given up whose worker is well. */
const SILENT_MS = 8_000;

/** SIGKILLed with all its sessions. What was acknowledged must survive that, as it does in production. */
export async function ownPostgres(): Promise<Surroundings> {
  const server = await startPostgres(await postgresPrograms(console.error), { synchronous_commit: 'on', max_connections: '60' });
  return {
    options: { database: await createDatabase({ server }) },
    strike: () => server.crash(),
    recover: async () => {
      await sleep(AWAY_MS);
      await server.startAgain();
    },
    close: () => server.stop(),
  };
}

/** SIGKILLed, and started again on the same port with what its file kept. */
export async function ownTemporal(): Promise<Surroundings> {
  const cli = await temporalCli(console.error);
  const databaseFile = join(await tempDir(), 'temporal.db');
  let server = await startTemporal(cli, { headless: true, databaseFile });
  const { address, namespace } = server;
  return {
    options: { temporal: { address, namespace } },
    strike: () => server.crash(),
    recover: async () => {
      await sleep(AWAY_MS);
      server = await startTemporal(cli, { headless: true, databaseFile, port: Number(address.split(':').at(-1)) });
    },
    close: () => server.stop(),
  };
}

export async function postgresBehind(how: 'silence' | 'reset'): Promise<Surroundings> {
  const { host, port } = await postgres();
  const proxy = await CuttableProxy.to(host, port);
  const database = await createDatabase();
  const url = new URL(database.url);
  url.port = String(proxy.port);
  return { options: { database, env: { PROD_DATABASE_URL: url.href } }, ...cut(proxy, how) };
}

export async function temporalBehind(how: 'silence' | 'reset'): Promise<Surroundings> {
  const [host, port] = (await temporal()).address.split(':') as [string, string];
  const proxy = await CuttableProxy.to(host, Number(port));
  return { options: { env: { TEMPORAL_ADDRESS: `127.0.0.1:${proxy.port}` } }, ...cut(proxy, how) };
}

function cut(proxy: CuttableProxy, how: 'silence' | 'reset'): Omit<Surroundings, 'options'> {
  return {
    strike: async () => proxy[how](),
    recover: async () => {
      await sleep(how === 'reset' ? AWAY_MS : SILENT_MS);
      proxy.heal();
    },
    close: () => proxy.close(),
  };
}
