/** Finds MariaDB's programs for tests and the demo: as installed, else Debian's packages unpacked into the cache folder. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.js';
import { isExecutable, onPath } from './executables.js';
import type { Say } from './python-packages.js';

const run = promisify(execFile);

export interface MysqlPrograms {
  /** The server. */
  mariadbd: string;
  /** Folder of the client programs: mariadb, mariadb-dump. */
  binDir: string;
  /** Folder of the SQL that makes the system tables, and of the messages. */
  share: string;
  /** Folders of libraries that this machine lacks; empty for installed programs. */
  libraries: string[];
  /** What has to be readable for the account that runs the server. */
  tree: string;
}

const PACKAGES = ['mariadb-server-core', 'mariadb-client-core', 'mariadb-client'];
/** Of their libraries, those that a small Debian or Ubuntu lacks; a name that a release does not have is passed over. */
const LIBRARIES = ['libaio1', 'libaio1t64', 'liburing2', 'libnuma1', 'libpcre2-8-0', 'libedit2', 'libmariadb3', 'libncurses6'];

/**
 * The programs as installed on this machine, or null. In order: `FABER_DB_MYSQL_BIN`, PATH and /usr/sbin.
 * @throws Error when FABER_DB_MYSQL_BIN is set and lacks a program: a wish that can't be met is not passed over.
 */
export function installedMysql(): MysqlPrograms | null {
  const wished = process.env['FABER_DB_MYSQL_BIN'];
  if (wished) {
    const missing = ['mariadb', 'mariadb-dump'].filter((name) => !isExecutable(join(wished, name)));
    const server = serverBeside(wished);
    if (server === null) missing.push('mariadbd');
    if (missing.length > 0) throw new Error(`FABER_DB_MYSQL_BIN is ${wished}, but there is no ${missing.join(', ')} in it${server === null ? ' or in sbin beside it' : ''}.`);
    return programsOf(server!, wished, []);
  }
  const dump = onPath('mariadb-dump');
  const server = onPath('mariadbd') ?? (isExecutable('/usr/sbin/mariadbd') ? '/usr/sbin/mariadbd' : null);
  return dump && server && onPath('mariadb') ? programsOf(server, join(dump, '..'), []) : null;
}

function serverBeside(folder: string): string | null {
  return [join(folder, 'mariadbd'), join(folder, '..', 'sbin', 'mariadbd')].find(isExecutable) ?? null;
}

/** Programs and their data lie under one prefix: usr/sbin/mariadbd, usr/share/mysql. */
function programsOf(mariadbd: string, binDir: string, libraries: string[]): MysqlPrograms | null {
  const prefix = join(mariadbd, '..', '..');
  const share = ['share/mysql', 'share/mariadb', 'share'].map((folder) => join(prefix, folder)).find((folder) => existsSync(join(folder, 'mysql_system_tables.sql')) || existsSync(join(folder, 'mariadb_system_tables.sql')));
  return share === undefined ? null : { mariadbd, binDir, share, libraries, tree: join(prefix, '..') };
}

/**
 * MariaDB's programs: as installed, else fetched into the cache folder; nothing is installed into the system.
 * @param installed what this machine has; null fetches in any case.
 * @throws Error that lists every way to get them.
 */
export async function mysqlPrograms(say: Say, installed = installedMysql()): Promise<MysqlPrograms> {
  if (installed) return installed;
  try {
    return await fetchedPrograms(say);
  } catch (error) {
    throw new Error(
      [
        `There is no MariaDB here, and it could not be fetched: ${(error as Error).message}`,
        'Any one of these will do:',
        '  - install MariaDB (apt-get install mariadb-server, brew install mariadb)',
        '  - set FABER_DB_MYSQL_BIN to a folder that holds mariadbd, mariadb and mariadb-dump',
        '  - have apt-get with its package sources in reach (Debian, Ubuntu), so that the packages can be fetched and unpacked without installing them',
      ].join('\n'),
      { cause: error },
    );
  }
}

async function fetchedPrograms(say: Say): Promise<MysqlPrograms> {
  if (!onPath('apt-get') || !onPath('dpkg')) throw new Error('there is no apt-get and dpkg to fetch and unpack it with.');
  const parent = join(cacheFolder(), 'mariadb');
  const tree = join(parent, 'tree');
  const found = await programsIn(tree);
  if (found) return found;
  say('Fetching MariaDB (8 MB, once) …');
  await mkdir(parent, { recursive: true });
  const work = await mkdtemp(join(parent, 'fetch-'));
  try {
    await download(work);
    // Another run may do the same at this moment: whoever renames first wins, and the other's is as good.
    await rename(join(work, 'tree'), tree).catch(async (error: NodeJS.ErrnoException) => {
      if ((await programsIn(tree)) === null) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const programs = await programsIn(tree);
  if (programs === null) throw new Error(`the packages do not hold what was expected (looked in ${tree}).`);
  return programs;
}

async function programsIn(tree: string): Promise<MysqlPrograms | null> {
  const mariadbd = join(tree, 'usr', 'sbin', 'mariadbd');
  const libraries = (await readdir(join(tree, 'usr', 'lib')).catch(() => [])).filter((name) => name.endsWith('-linux-gnu')).map((name) => join(tree, 'usr', 'lib', name));
  return isExecutable(mariadbd) ? programsOf(mariadbd, join(tree, 'usr', 'bin'), libraries) : null;
}

/** With apt's state in the folder: the system's lists may be empty, outdated or root's alone. */
async function download(work: string): Promise<void> {
  await mkdir(join(work, 'state', 'lists', 'partial'), { recursive: true });
  await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true });
  const own = [
    `Dir::State=${join(work, 'state')}`, `Dir::State::Lists=${join(work, 'state', 'lists')}`, `Dir::Cache=${join(work, 'cache')}`,
    'Dir::State::status=/var/lib/dpkg/status', 'APT::Sandbox::User=', 'Debug::NoLocking=true',
  ].flatMap((option) => ['-o', option]);
  const apt = async (...args: string[]) => {
    const { stdout } = await run('apt-get', [...own, '-q', ...args], { cwd: work, env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 64 << 20 }).catch((error: { stderr?: string; message: string }) => {
      throw new Error(`apt-get ${args[0]} failed: ${lastLines(error.stderr ?? error.message)}`);
    });
    return stdout;
  };
  await apt('update');
  await apt('download', ...PACKAGES);
  for (const name of LIBRARIES) await apt('download', name).catch(() => undefined);
  await mkdir(join(work, 'tree'));
  for (const name of (await readdir(work)).filter((file) => file.endsWith('.deb'))) await run('dpkg', ['-x', join(work, name), join(work, 'tree')]);
  await chmod(join(work, 'tree'), 0o755);
  const programs = await programsIn(join(work, 'tree'));
  if (programs) requireLibraries(programs);
}

/** One clear message instead of the loader's at each start. */
function requireLibraries(programs: MysqlPrograms): void {
  const { stdout, stderr } = spawnSync(programs.mariadbd, ['--version'], { encoding: 'utf8', env: libraryEnvironment(programs) });
  const missing = /error while loading shared libraries: ([^:]+)/.exec(stderr)?.[1];
  if (missing) throw new Error(`MariaDB needs the library ${missing}, which this machine lacks and none of ${LIBRARIES.join(', ')} holds.`);
  if (!stdout.includes('MariaDB')) throw new Error(`mariadbd --version said: ${lastLines(stderr || stdout)}`);
}

/** The environment in which these programs find their libraries. */
export function libraryEnvironment({ libraries }: MysqlPrograms): NodeJS.ProcessEnv {
  return libraries.length === 0 ? process.env : { ...process.env, LD_LIBRARY_PATH: [...libraries, process.env['LD_LIBRARY_PATH'] ?? ''].filter(Boolean).join(':') };
}

/** The SQL that a new data folder begins with. */
export async function systemTables({ share }: MysqlPrograms): Promise<string> {
  const read = async (name: string) => {
    const file = [`mysql_${name}.sql`, `mariadb_${name}.sql`, `${name}.sql`].map((one) => join(share, one)).find(existsSync);
    return file === undefined ? '' : readFile(file, 'utf8');
  };
  const parts = await Promise.all(['system_tables', 'performance_tables', 'system_tables_data', 'maria_add_gis_sp_bootstrap', 'sys_schema'].map(read));
  return `CREATE DATABASE mysql;\nUSE mysql;\n${parts.join('\n')}`;
}

const lastLines = (text: string) => text.trim().split('\n').slice(-3).join(' ').slice(-500);
