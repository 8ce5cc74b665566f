/** Turns a URL into the path of a file, as Prisma and the other tools read it. */
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { FaberError } from '../../../contract/failure.js';
import type { ConnectionTarget } from '../contract.js';

/**
 * `file:./dev.db` (Prisma), `sqlite:dev.db`, `sqlite:///srv/dev.db`, and plain paths. Parameters for clients (`connection_limit`,
 * `socket_timeout` …) are accepted and unused.
 * @param folder that a relative path starts from
 * @throws FaberError connection_not_configured, never quoting the URL
 */
export function parseSqliteUrl(url: string, folder: string = process.cwd()): SqliteTarget {
  const question = url.indexOf('?');
  const parameters = new URLSearchParams(question === -1 ? '' : url.slice(question + 1));
  refuseParameters(parameters);
  const path = pathIn(question === -1 ? url : url.slice(0, question));
  if (path === '' || path.includes('\0')) throw unusable('it names no file');
  if (path === ':memory:') throw inMemory();
  if (/[/\\]$/.test(path)) throw unusable('it names a folder, not a file');
  return new SqliteTarget(isAbsolute(path) ? path : resolve(folder, path));
}

const ELSEWHERE = /^(libsql|https?|wss?|ws|prisma|prisma\+postgres|postgres(?:ql)?|mysql|mariadb|sqlserver|mongodb(?:\+srv)?):/i;

/** Prisma takes what stands behind `file:` as it is; only a URL with `//` is one in the full sense. */
function pathIn(url: string): string {
  if (ELSEWHERE.test(url)) throw unusable('it leads to a server, and this environment is SQLite: a file that the worker can open');
  const [, scheme, rest] = /^(file|sqlite3?):(.*)$/is.exec(url) ?? [];
  if (scheme === undefined) {
    if (/^[a-z][a-z0-9+.-]*:/i.test(url) && url !== ':memory:') throw unusable('its scheme is not file: or sqlite:');
    return url;
  }
  if (!rest!.startsWith('//')) return rest!;
  const host = /^\/\/([^/]*)/.exec(rest!)![1]!;
  if (host !== '' && host !== 'localhost') throw unusable('it names a host: SQLite is a file on the machine of the worker');
  try {
    return fileURLToPath(`file://${rest!.slice(2 + host.length)}`);
  } catch {
    throw unusable('its path cannot be read');
  }
}

function refuseParameters(parameters: URLSearchParams): void {
  if (parameters.get('mode') === 'memory') throw inMemory();
  if (parameters.get('mode') === 'ro' || ['1', 'true'].includes(parameters.get('immutable') ?? '')) throw unusable('it opens the file for reading only');
  if (parameters.has('vfs')) throw unusable('it asks for a virtual file system, which is not here');
}

function inMemory(): FaberError {
  return unusable('it is a database in memory, which ends with its process: nothing of it could be kept');
}

function unusable(why: string): FaberError {
  return new FaberError({
    code: 'connection_not_configured',
    message: `The URL of the database cannot be used: ${why}`,
    suggestions: ['A URL of SQLite looks like file:./dev.db or file:/srv/app/production.db'],
  });
}

export class SqliteTarget implements ConnectionTarget {
  /** Names without a schema are those of the file itself. */
  readonly schema = 'main';
  readonly secrets: readonly string[] = [];

  /**
   * @param file absolute, as the URL has it: links are followed when it is opened
   * @param own a file that we made: FABER_DB_ROOTS is about what others name
   */
  constructor(readonly file: string, readonly signal?: AbortSignal, readonly own = false) {}

  get database(): string {
    return basename(this.file);
  }

  /** Another file in the same folder. */
  withDatabase(database: string): SqliteTarget {
    return new SqliteTarget(join(dirname(this.file), basename(database)), this.signal, this.own);
  }

  insisting(): SqliteTarget {
    return this;
  }

  within(signal: AbortSignal): SqliteTarget {
    return new SqliteTarget(this.file, this.signal ? AbortSignal.any([this.signal, signal]) : signal, this.own);
  }

  secretUrl(): string {
    return `file:${this.file}`;
  }

  describe(): string {
    return this.file;
  }
  toJSON(): string {
    return this.describe();
  }
  [inspect.custom](): string {
    return `SqliteTarget ${this.describe()}`;
  }
}

/** Narrows the port's opaque target. @throws FaberError connection_not_configured when it belongs to another provider. */
export function sqliteTarget(target: ConnectionTarget): SqliteTarget {
  if (target instanceof SqliteTarget) return target;
  throw unusable('it belongs to another database system');
}
