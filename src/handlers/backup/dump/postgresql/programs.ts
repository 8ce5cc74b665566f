/** Finds PostgreSQL's own programs of the right major version. */
import { execFile } from 'node:child_process';
import { access, constants, readdir, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { FaberError } from '../../../../contract/failure.js';

const run = promisify(execFile);
const NEEDED = ['pg_dump', 'pg_restore', 'psql'] as const;

/** One folder with all of them, so that what dumps and what restores are of one version. */
export interface Programs {
  major: number;
  folder: string;
  pg_dump: string;
  pg_restore: string;
  psql: string;
}

/**
 * Programs for a server of this major version. An equal major is taken first; a newer one only where it is safe; an
 * older one never, because pg_dump refuses servers newer than itself.
 * @param folders where to look, in order of preference; the usual places by default.
 * @throws FaberError unsupported, with what was found and what is needed.
 */
export async function findPrograms(serverMajor: number, folders?: readonly string[]): Promise<Programs> {
  const found: Programs[] = [];
  for (const folder of new Set(folders ?? (await usualFolders()))) {
    const programs = await look(folder);
    if (programs?.major === serverMajor) return programs;
    if (programs) found.push(programs);
  }
  const newer = found.filter((p) => isSafelyNewer(p.major, serverMajor)).sort((a, b) => a.major - b.major)[0];
  if (newer) return newer;
  const list = found.map((p) => `PostgreSQL ${p.major} in ${p.folder}`);
  throw new FaberError({
    code: 'unsupported',
    message:
      `The server is PostgreSQL ${serverMajor}, and no pg_dump, pg_restore and psql of version ${serverMajor} were found ` +
      `(found: ${list.length > 0 ? list.join(', ') : 'none'})`,
    result: { needed_major: serverMajor, found: list },
    suggestions: [
      `Install the client programs of PostgreSQL ${serverMajor} where the worker runs (Debian: postgresql-client-${serverMajor})`,
      'Set FABER_DB_PG_BIN to the folder that holds them',
    ],
  });
}

/**
 * From 17 on pg_restore sets `transaction_timeout`, which older servers refuse (measured); from 12 on
 * `default_table_access_method`, likewise.
 */
function isSafelyNewer(client: number, server: number): boolean {
  return client > server && server >= 12 && (client < 17 || server >= 17);
}

async function usualFolders(): Promise<string[]> {
  const named = process.env['FABER_DB_PG_BIN'];
  return [
    ...(named ? [named] : []),
    ...path(),
    ...(await pgConfigFolder()),
    ...(await versioned('/usr/lib/postgresql', 'bin')),
    ...(await versioned('/opt/homebrew/opt', 'bin', 'postgresql@')),
    ...(await versioned('/usr/local/opt', 'bin', 'postgresql@')),
    '/opt/homebrew/bin',
    '/usr/local/bin',
  ];
}

function path(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
}

async function pgConfigFolder(): Promise<string[]> {
  try {
    return [(await run('pg_config', ['--bindir'])).stdout.trim()];
  } catch {
    return [];
  }
}

async function versioned(parent: string, inside: string, prefix = ''): Promise<string[]> {
  try {
    return (await readdir(parent)).filter((name) => name.startsWith(prefix)).map((name) => join(parent, name, inside));
  } catch {
    return [];
  }
}

async function look(folder: string): Promise<Programs | null> {
  const [pg_dump, pg_restore, psql] = NEEDED.map((name) => join(folder, name)) as [string, string, string];
  for (const file of [pg_dump, pg_restore, psql]) if (!(await isProgram(file))) return null;
  // Debian's wrapper picks a version by its own rules at every call; the real folders are looked at anyway.
  if ((await realpath(pg_dump)).endsWith('/pg_wrapper')) return null;
  const majors = await Promise.all([pg_dump, pg_restore].map(majorOf));
  return majors[0] && majors[0] === majors[1] ? { major: majors[0], folder, pg_dump, pg_restore, psql } : null;
}

async function majorOf(file: string): Promise<number | null> {
  try {
    const { stdout } = await run(file, ['--version'], { timeout: 10_000 });
    return Number(/\(PostgreSQL\)\D* (\d+)/.exec(stdout)?.[1]) || null;
  } catch {
    return null;
  }
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
