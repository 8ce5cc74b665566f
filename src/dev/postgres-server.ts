/** A throwaway PostgreSQL server for tests and the demo: loopback, password authentication, gone when stopped. */
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, cp, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './free-port.js';
import { programsTree } from './postgres-programs.js';
import { startGroup, type GroupProcess } from './process-group.js';
import { unprivilegedAccount, type Account } from './unprivileged.js';

export interface PostgresServer {
  host: string;
  port: number;
  /** URL of the superuser, with its password, to the database `postgres`. */
  adminUrl: string;
  binDir: string;
  pid: number;
  /** Data and log; only the server is in there. */
  folder: string;
  /** SIGKILLs the server and every session of it, as when the machine's memory is spent. */
  crash(): Promise<void>;
  /** Starts it again on the same port with the data that the crash left. */
  startAgain(): Promise<void>;
  /** Ends the server and deletes its data. */
  stop(): Promise<void>;
  /** Lets it outlive this process. */
  leaveRunning(): void;
}

const HOST = '127.0.0.1';
const SUPERUSER = 'postgres';

/**
 * Starts a server with the programs in `binDir`. Not durable (fsync off): for data that may be lost.
 * As root it runs as another user, since PostgreSQL refuses root.
 * @param settings more server settings, `{max_connections: '200'}`.
 * @throws Error with the end of the server's log when it does not come up.
 */
export async function startPostgres(binDir: string, settings: Record<string, string> = {}): Promise<PostgresServer> {
  const account = unprivilegedAccount();
  const folder = await mkdtemp(join(tmpdir(), 'faber-db-postgres-'));
  try {
    const password = randomBytes(18).toString('base64url');
    if (account) await chown(folder, account.uid, account.gid);
    const programs = await runnableBy(account, binDir, folder);
    const data = await initialise(programs, folder, password, account);
    let { group, port } = await launch(programs, folder, data, password, account, settings);
    return {
      host: HOST,
      port,
      adminUrl: adminUrl(port, password),
      binDir,
      pid: group.pid,
      folder,
      leaveRunning: () => group.leaveRunning(),
      async crash() {
        // Sessions lead process groups of their own: the first to die must not tell the others.
        const sessions = childrenOf(group.pid);
        for (const pid of [group.pid, ...sessions]) kill(pid);
        await group.closed;
        while (sessions.some(exists)) await new Promise((resolve) => setTimeout(resolve, 20));
      },
      async startAgain() {
        ({ group, port } = await launch(programs, folder, data, password, account, settings, port));
      },
      async stop() {
        // SIGINT is PostgreSQL's fast shutdown: sessions are ended, not waited for.
        await group.stop('SIGINT');
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function adminUrl(port: number, password: string): string {
  return `postgresql://${SUPERUSER}:${password}@${HOST}:${port}/postgres`;
}

/** What a child of PostgreSQL is run with: the account, and no PG* variable of the caller. */
function childOptions(folder: string, account: Account | null) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG')));
  return { cwd: folder, env: { ...env, HOME: folder, LC_ALL: 'C.UTF-8' }, ...(account && { uid: account.uid, gid: account.gid }) };
}

/** Root's cache folder is closed to other accounts; then the server's programs are copied to where it may read them. */
async function runnableBy(account: Account | null, binDir: string, folder: string): Promise<string> {
  if (!account || !spawnSync(join(binDir, 'postgres'), ['--version'], childOptions(folder, account)).error) return binDir;
  const tree = programsTree(binDir);
  const copy = join(folder, 'programs');
  await cp(tree, copy, { recursive: true });
  return join(copy, relative(tree, binDir));
}

async function initialise(binDir: string, folder: string, password: string, account: Account | null): Promise<string> {
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  const args = ['-D', data, '-U', SUPERUSER, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--no-sync', '--no-instructions'];
  await promisify(execFile)(join(binDir, 'initdb'), args, childOptions(folder, account));
  await rm(passwordFile);
  return data;
}

async function launch(
  binDir: string, folder: string, data: string, password: string, account: Account | null, settings: Record<string, string>, samePort?: number,
): Promise<{ group: GroupProcess; port: number }> {
  const all = {
    listen_addresses: HOST,
    unix_socket_directories: '',
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    ...settings,
  };
  // Another program may take the port between our look and the server's bind.
  for (let attempt = 1; ; attempt++) {
    const port = samePort ?? (await freePort());
    const logFile = join(folder, 'server.log');
    const log = await open(logFile, 'w');
    const args = ['-D', data, '-p', String(port), ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    const group = await startGroup(join(binDir, 'postgres'), args, {
      ...childOptions(folder, account),
      stdio: ['ignore', log.fd, log.fd],
    });
    await log.close();
    if (await accepts(port, password, group)) return { group, port };
    await group.stop('SIGINT');
    const tail = (await readFile(logFile, 'utf8')).slice(-2000);
    if (attempt === 3 || !tail.includes('Address already in use')) throw new Error(`PostgreSQL did not start:\n${tail}`);
  }
}

/** Waits until the server answers a query; false when it ended, or does not answer within 60 seconds. */
async function accepts(port: number, password: string, group: GroupProcess): Promise<boolean> {
  let gone = false;
  void group.closed.then(() => (gone = true));
  for (const until = Date.now() + 60_000; !gone && Date.now() < until; ) {
    const client = new pg.Client({ connectionString: adminUrl(port, password), connectionTimeoutMillis: 5_000 });
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await client.end().catch(() => {});
    }
  }
  return false;
}

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number)).filter(([, parent]) => parent === pid).map(([child]) => child!);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
