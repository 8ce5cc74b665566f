/** Finds the dump and load programs of the server's kind: MySQL's and MariaDB's dumps are not each other's. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { FaberError } from '../../../../contract/failure.js';
import { serverFacts } from '../../../database/mysql/identity.js';

const run = promisify(execFile);

export interface Programs {
  mariadb: boolean;
  /** As the server's: 10.011. */
  version: number;
  dump: string;
  load: string;
  /** For their children's environment: where libraries lie that the system lacks. */
  env: Record<string, string>;
}

/**
 * @param serverVersion as the server tells it
 * @throws FaberError unsupported, with what was found and what is needed
 */
export async function findPrograms(serverVersion: string): Promise<Programs> {
  const server = serverFacts(serverVersion);
  const names = server.mariadb ? { dump: ['mariadb-dump', 'mysqldump'], load: ['mariadb', 'mysql'] } : { dump: ['mysqldump'], load: ['mysql'] };
  const env: Record<string, string> = process.env['LD_LIBRARY_PATH'] ? { LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] } : {};
  const found: string[] = [];
  for (const folder of folders()) {
    const [dump, load] = await Promise.all([firstIn(folder, names.dump), firstIn(folder, names.load)]);
    if (dump === null || load === null) continue;
    const facts = await versionOf(dump, env);
    if (facts === null) continue;
    found.push(`${facts.mariadb ? 'MariaDB' : 'MySQL'} ${facts.text} in ${folder}`);
    // An older client may leave out what it does not know.
    if (facts.mariadb === server.mariadb && facts.version >= server.major) return { mariadb: server.mariadb, version: facts.version, dump, load, env };
  }
  const kind = server.mariadb ? 'MariaDB' : 'MySQL';
  throw new FaberError({
    code: 'unsupported',
    message: `The server is ${kind} ${server.version}, and no ${names.dump[0]} and ${names.load[0]} of ${kind} that are as new were found (found: ${found.length > 0 ? found.join(', ') : 'none'})`,
    result: { needed: `${kind} ${server.version}`, found },
    suggestions: [`Install the client programs of ${kind} where the worker runs (Debian: ${server.mariadb ? 'mariadb-client' : 'default-mysql-client of MySQL'})`, 'Set FABER_DB_MYSQL_BIN to the folder that holds them'],
  });
}

function folders(): string[] {
  const named = process.env['FABER_DB_MYSQL_BIN'];
  return [...new Set([...(named ? [named] : []), ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/')), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'])];
}

async function firstIn(folder: string, names: readonly string[]): Promise<string | null> {
  for (const name of names) {
    const file = join(folder, name);
    if (await access(file, constants.X_OK).then(() => true, () => false)) return file;
  }
  return null;
}

/** `mysqldump  Ver 8.0.36 for Linux`, `mariadb-dump from 10.11.6-MariaDB`, `Ver 10.19 Distrib 10.11.6-MariaDB`. */
async function versionOf(file: string, env: Record<string, string>): Promise<{ mariadb: boolean; version: number; text: string } | null> {
  try {
    const { stdout } = await run(file, ['--version'], { timeout: 10_000, env: { ...process.env, ...env } });
    const text = /(?:Distrib|from)\s+(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1] ?? /Ver\s+(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
    return text === undefined ? null : { mariadb: /mariadb/i.test(stdout), version: serverFacts(text).major, text: text.replace(/,$/, '') };
  } catch {
    return null;
  }
}
