/** A throwaway MariaDB server for tests and the demo: loopback, password authentication, gone when stopped. */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, cp, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import mysql from 'mysql2/promise';
import { freePort } from './free-port.js';
import { libraryEnvironment, systemTables, type MysqlPrograms } from './mysql-programs.js';
import { startGroup, type GroupProcess } from './process-group.js';
import { unprivilegedAccount, type Account } from './unprivileged.js';

export interface MysqlServer {
  host: string;
  port: number;
  /** URL of an administrator, with its password, to no database in particular. */
  adminUrl: string;
  /** Folder of mariadb and mariadb-dump. */
  binDir: string;
  /** For programs of that folder: LD_LIBRARY_PATH where libraries were fetched. */
  libraryPath: string | null;
  pid: number;
  /** Of its data. */
  folder: string;
  /** SIGKILLs the server. */
  crash(): Promise<void>;
  /** Starts it again on the same port with the data that the crash left. */
  startAgain(): Promise<void>;
  /** Ends the server and deletes its data. */
  stop(): Promise<void>;
  /** Lets it outlive this process. */
  leaveRunning(): void;
}

const HOST = '127.0.0.1';
const ADMIN = 'faber_admin';

/** Small, quick to start, and not durable: for data that may be lost. */
const SETTINGS: Record<string, string> = {
  'innodb-buffer-pool-size': '64M', 'innodb-log-file-size': '32M', 'innodb-flush-log-at-trx-commit': '0', 'innodb-use-native-aio': '0',
  'innodb-buffer-pool-load-at-startup': '0', 'innodb-buffer-pool-dump-at-shutdown': '0',
  'character-set-server': 'utf8mb4', 'skip-name-resolve': '1', 'max-connections': '300', 'key-buffer-size': '1M', 'aria-pagecache-buffer-size': '8M',
};

/**
 * Starts a server with these programs. As root it runs as another user.
 * @param settings more server settings, `{'log-bin': 'binlog'}`.
 * @throws Error with the end of the server's log when it does not come up.
 */
export async function startMysql(installed: MysqlPrograms, settings: Record<string, string> = {}): Promise<MysqlServer> {
  const account = unprivilegedAccount();
  const folder = await mkdtemp(join(tmpdir(), 'faber-db-mysql-'));
  try {
    if (account) await chown(folder, account.uid, account.gid);
    const programs = await runnableBy(account, installed, folder);
    const password = randomBytes(18).toString('base64url');
    await initialise(programs, folder, account);
    let { group, port } = await launch(programs, folder, password, account, settings);
    return {
      host: HOST,
      port,
      adminUrl: `mysql://${ADMIN}:${password}@${HOST}:${port}/mysql`,
      binDir: programs.binDir,
      libraryPath: programs.libraries.length > 0 ? programs.libraries.join(':') : null,
      pid: group.pid,
      folder,
      leaveRunning: () => group.leaveRunning(),
      async crash() {
        process.kill(group.pid, 'SIGKILL');
        await group.closed;
      },
      async startAgain() {
        ({ group, port } = await launch(programs, folder, password, account, settings, port));
      },
      async stop() {
        // Its data is deleted: an orderly end would only write to it.
        await group.stop('SIGKILL');
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function childOptions(programs: MysqlPrograms, folder: string, account: Account | null) {
  return { cwd: folder, env: { ...libraryEnvironment(programs), HOME: folder, LC_ALL: 'C.UTF-8' }, ...(account && { uid: account.uid, gid: account.gid }) };
}

/** Root's cache folder is closed to other accounts; then the programs are copied to where it may read them. */
async function runnableBy(account: Account | null, programs: MysqlPrograms, folder: string): Promise<MysqlPrograms> {
  if (!account || programs.libraries.length === 0 || spawnSync(programs.mariadbd, ['--version'], childOptions(programs, folder, account)).status === 0) return programs;
  const copy = join(folder, 'programs');
  await cp(programs.tree, copy, { recursive: true, verbatimSymlinks: true });
  const there = (path: string) => join(copy, relative(programs.tree, path));
  return { mariadbd: there(programs.mariadbd), binDir: there(programs.binDir), share: there(programs.share), libraries: programs.libraries.map(there), tree: copy };
}

function serverArguments(programs: MysqlPrograms, folder: string, settings: Record<string, string>): string[] {
  // --no-defaults stands first: no option file of the machine may change what is started.
  const fixed = { datadir: join(folder, 'data'), 'lc-messages-dir': programs.share };
  return ['--no-defaults', ...Object.entries({ ...fixed, ...SETTINGS, ...settings }).map(([name, value]) => `--${name}=${value}`)];
}

async function initialise(programs: MysqlPrograms, folder: string, account: Account | null): Promise<void> {
  const options = childOptions(programs, folder, account);
  spawnSync('mkdir', [join(folder, 'data')], options);
  const child = spawn(programs.mariadbd, [...serverArguments(programs, folder, {}), '--bootstrap', '--log-warnings=0'], { ...options, stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(-4000)));
  child.stdin.on('error', () => {});
  const ended = once(child, 'close');
  child.stdin.end(await systemTables(programs));
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`MariaDB could not make its data folder:\n${said}`);
}

async function launch(
  programs: MysqlPrograms, folder: string, password: string, account: Account | null, settings: Record<string, string>, samePort?: number,
): Promise<{ group: GroupProcess; port: number }> {
  const init = join(folder, 'init.sql');
  await writeFile(init, `CREATE USER IF NOT EXISTS '${ADMIN}'@'%' IDENTIFIED BY '${password}';\nGRANT ALL ON *.* TO '${ADMIN}'@'%' WITH GRANT OPTION;\n`, { mode: 0o600 });
  if (account) await chown(init, account.uid, account.gid);
  // Another program may take the port between our look and the server's bind.
  for (let attempt = 1; ; attempt++) {
    const port = samePort ?? (await freePort());
    const logFile = join(folder, 'server.log');
    const log = await open(logFile, 'w');
    const args = serverArguments(programs, folder, {
      port: String(port), 'bind-address': HOST, socket: join(folder, 'mysql.sock'), 'pid-file': join(folder, 'mysql.pid'), 'init-file': init, ...settings,
    });
    const group = await startGroup(programs.mariadbd, args, { ...childOptions(programs, folder, account), stdio: ['ignore', log.fd, log.fd] });
    await log.close();
    if (await accepts(port, password, group)) {
      await rm(init, { force: true });
      return { group, port };
    }
    await group.stop('SIGKILL');
    const tail = (await readFile(logFile, 'utf8')).slice(-2000);
    if (attempt === 3 || !/Address already in use|Can't start server: Bind/.test(tail)) throw new Error(`MariaDB did not start:\n${tail}`);
  }
}

/** Waits until the server answers a query; false when it ended, or does not answer within 60 seconds. */
async function accepts(port: number, password: string, group: GroupProcess): Promise<boolean> {
  let gone = false;
  void group.closed.then(() => (gone = true));
  for (const until = Date.now() + 60_000; !gone && Date.now() < until; ) {
    try {
      const client = await mysql.createConnection({ host: HOST, port, user: ADMIN, password, connectTimeout: 5_000 });
      await client.end();
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return false;
}
