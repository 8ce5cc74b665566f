/** PostgreSQL servers as RDS has them: a snapshot is a physical copy of a running one, a restore a server on such a copy (with its system identifier). */
import { execFile } from 'node:child_process';
import { chown, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '../../src/dev/free-port.js';
import { startGroup } from '../../src/dev/process-group.js';
import { startPostgres } from '../../src/dev/postgres-server.js';
import { unprivilegedAccount } from '../../src/dev/unprivileged.js';
import { postgres } from './postgres.js';

export interface CloudServer {
  host: string;
  port: number;
  /** Of the superuser. */
  adminUrl: string;
  stop(): Promise<void>;
}

const account = unprivilegedAccount();
const asServer = { env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' }, ...(account && { uid: account.uid, gid: account.gid }) };

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'faber-db-cloud-'));
  if (account) await chown(made, account.uid, account.gid);
  return made;
}

export async function firstServer(): Promise<CloudServer> {
  return startPostgres((await postgres()).binDir);
}

/** @returns the folder of the copy */
export async function physicalCopy({ adminUrl }: CloudServer): Promise<string> {
  const copy = join(await folder(), 'data');
  const { binDir } = await postgres();
  await promisify(execFile)(join(binDir, 'pg_basebackup'), ['-D', copy, '-d', adminUrl, '-X', 'stream', '-c', 'fast', '--no-sync'], { ...asServer, cwd: '/' });
  return copy;
}

export async function serverOn(copy: string, { adminUrl }: Pick<CloudServer, 'adminUrl'>): Promise<CloudServer> {
  const { binDir } = await postgres();
  const parent = await folder();
  const data = join(parent, 'data');
  await promisify(execFile)('cp', ['-r', copy, data], { ...asServer, cwd: '/' });
  const port = await freePort();
  const url = new URL(adminUrl);
  url.port = String(port);
  const log = await open(join(parent, 'server.log'), 'w');
  const group = await startGroup(join(binDir, 'postgres'), ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'], { ...asServer, cwd: parent, stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  const stop = async () => {
    await group.stop('SIGINT');
    await rm(parent, { recursive: true, force: true });
  };
  for (const until = Date.now() + 60_000; ; await sleep(50)) {
    const client = new pg.Client({ connectionString: url.href });
    client.on('error', () => {});
    try {
      await client.connect();
      return { host: '127.0.0.1', port, adminUrl: url.href, stop };
    } catch (error) {
      if (Date.now() < until) continue;
      await stop();
      throw error;
    } finally {
      await client.end().catch(() => {});
    }
  }
}

