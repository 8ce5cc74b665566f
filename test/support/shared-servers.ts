/** The servers that a run can share, by name. `facts` are JSON and reach the test files. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { mysqlPrograms } from '../../src/dev/mysql-programs.js';
import { startMysql } from '../../src/dev/mysql-server.js';
import { postgresPrograms } from '../../src/dev/postgres-programs.js';
import { startPostgres } from '../../src/dev/postgres-server.js';
import { temporalCli } from '../../src/dev/temporal-cli.js';
import { startTemporal } from '../../src/dev/temporal-server.js';
import { startMoto } from './moto.js';

export interface SharedServer {
  facts: unknown;
  stop(): Promise<void>;
}

const kinds: Record<string, () => Promise<SharedServer>> = {
  dist: buildDist,
  async postgres() {
    const binDir = await postgresPrograms(console.error);
    // Enough connections for all test files at once, and what slot and two-phase tests need.
    const server = await startPostgres(binDir, { max_connections: '300', wal_level: 'logical', max_prepared_transactions: '20' });
    const { adminUrl, host, port } = server;
    return { facts: { adminUrl, binDir, host, port }, stop: () => server.stop() };
  },
  async mysql() {
    const server = await startMysql(await mysqlPrograms(console.error));
    const { adminUrl, binDir, libraryPath, host, port } = server;
    return { facts: { adminUrl, binDir, libraryPath, host, port }, stop: () => server.stop() };
  },
  async aws() {
    const server = await startMoto();
    return { facts: { endpoint: server.endpoint }, stop: () => server.stop() };
  },
  async temporal() {
    const server = await startTemporal(await temporalCli(console.error), { headless: true });
    const { address, namespace, cli } = server;
    return { facts: { address, namespace, cli }, stop: () => server.stop() };
  },
};

/** Not a server, but of the same kind: made once a run, for whoever asks. */
async function buildDist(): Promise<SharedServer> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  await promisify(execFile)(process.execPath, [join(root, 'scripts', 'setup.mjs')]);
  return { facts: join(root, 'dist'), stop: async () => {} };
}

/** @throws Error for an unknown name, or when the server does not start. */
export async function startShared(name: string): Promise<SharedServer> {
  const start = kinds[name];
  if (!start) throw new Error(`no shared server is called ${name}`);
  return start();
}
