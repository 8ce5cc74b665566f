/** The one place that turns a URL into options of the driver and arguments of MySQL's programs, so that all reach the same database. */
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import type { ConnectionOptions, SslOptions } from 'mysql2';
import { FaberError } from '../../../contract/failure.js';
import type { ConnectionTarget } from '../contract.js';

interface UrlParts {
  user: string;
  password: string | null;
  host: string;
  port: number;
  /** Path of a unix socket, as Prisma's `?socket=` names it; null: host and port. */
  socket: string | null;
  database: string;
  parameters: ReadonlyMap<string, string>;
}

const DEFAULT_CONNECT_TIMEOUT_SECONDS = 10;
/** See KEEPALIVE_IDLE_SECONDS of PostgreSQL: a route that is gone without a word is noticed. */
const KEEPALIVE_IDLE_MS = 10_000;
const SHAPE = /^(mysql|mariadb):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/is;
/** MySQL's limit of a name; the databases that are made beside have longer ones. */
const MAX_DATABASE_CHARACTERS = 38;

/**
 * Parses a URL with Prisma's parameters; pool sizes and other parameters of clients are accepted and unused.
 * @throws FaberError connection_not_configured, never quoting the URL.
 */
export function parseMysqlUrl(url: string): MysqlTarget {
  const match = SHAPE.exec(url.trim());
  if (!match) throw unusable('it does not begin with mysql://');
  const [, , authority = '', path = '', query = '', fragment] = match;
  const at = authority.lastIndexOf('@');
  if (fragment !== undefined || (at < 0 && path.includes('@'))) {
    throw unusable('the user or password holds one of the characters / ? # as it is', ['Percent-encode it: / is %2F, ? is %3F, # is %23.']);
  }
  const parameters = new Map(query.split('&').filter((pair) => pair !== '').map((pair): [string, string] => {
    const equals = pair.indexOf('=');
    return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
  }));
  const userinfo = at < 0 ? '' : authority.slice(0, at);
  const colon = userinfo.indexOf(':');
  const [host, port] = hostAndPort(at < 0 ? authority : authority.slice(at + 1));
  const user = decode(colon < 0 ? userinfo : userinfo.slice(0, colon));
  const password = colon < 0 ? '' : decode(userinfo.slice(colon + 1));
  const database = decode(path);
  if (!/^(\d{1,5})?$/.test(port) || Number(port) > 65535) throw unusable('its port is not a number from 1 to 65535');
  if (user === '') throw unusable('it names no user');
  if (database === '') throw unusable('it names no database');
  if ([...database].length > MAX_DATABASE_CHARACTERS) {
    throw unusable(`the name of its database is longer than ${MAX_DATABASE_CHARACTERS} characters, and no room is left for the names of the databases that are made beside it`, ['Rename the database.']);
  }
  if ([user, password, host, database].some((part) => part.includes('\0'))) throw unusable('it holds a zero byte');
  return new MysqlTarget({
    user, password: password === '' ? null : password, host: decode(host) || 'localhost', port: Number(port) || 3306,
    socket: parameters.get('socket') || null, database, parameters,
  });
}

export class MysqlTarget implements ConnectionTarget {
  readonly #parts: UrlParts;
  readonly connectTimeoutSeconds: number;

  constructor(parts: UrlParts, readonly insists = false, readonly signal?: AbortSignal) {
    this.#parts = parts;
    const seconds = Number(parts.parameters.get('connect_timeout'));
    // Prisma's 0 means to wait without end, which no operation may.
    this.connectTimeoutSeconds = Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : DEFAULT_CONNECT_TIMEOUT_SECONDS;
    // A wrong file or word is told when the URL is read, not in the middle of something.
    this.#tls();
  }

  get database(): string {
    return this.#parts.database;
  }
  /** In MySQL a schema is a database. */
  get schema(): string {
    return this.#parts.database;
  }
  get user(): string {
    return this.#parts.user;
  }
  get host(): string {
    return this.#parts.host;
  }

  get secrets(): readonly string[] {
    const secrets = [this.#parts.password, this.#parts.parameters.get('sslpassword')].filter((secret): secret is string => Boolean(secret));
    return secrets.flatMap((secret) => [...new Set([secret, encodeURIComponent(secret)])]);
  }

  /** MySQL takes the name of a program from the program alone, so the URL cannot give one. */
  secretUrl(): string {
    const { host, port, user, password, database, parameters } = this.#parts;
    const login = `${encodeURIComponent(user)}${password === null ? '' : `:${encodeURIComponent(password)}`}`;
    const query = [...parameters].map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
    return `mysql://${login}@${host.includes(':') ? `[${host}]` : host}:${port}/${encodeURIComponent(database)}${query === '' ? '' : `?${query}`}`;
  }

  describe(): string {
    const { host, port, database } = this.#parts;
    return `${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
  }
  toJSON(): string {
    return this.describe();
  }
  [inspect.custom](): string {
    return `MysqlTarget ${this.describe()}`;
  }

  withDatabase(database: string): MysqlTarget {
    return new MysqlTarget({ ...this.#parts, database }, this.insists, this.signal);
  }
  insisting(): MysqlTarget {
    return new MysqlTarget(this.#parts, true, this.signal);
  }
  within(signal: AbortSignal): MysqlTarget {
    return new MysqlTarget(this.#parts, this.insists, this.signal ? AbortSignal.any([this.signal, signal]) : signal);
  }

  /**
   * Options of the driver; they hold the password.
   * @param withDatabase false: a session of the server alone, for a database that is not there
   */
  clientOptions(programName: string, withDatabase: boolean): ConnectionOptions {
    const { host, port, socket, user, password, database } = this.#parts;
    const ssl = this.#tls();
    return {
      ...(socket === null ? { host, port } : { socketPath: socket }),
      user,
      ...(password !== null && { password }),
      ...(withDatabase && { database }),
      ...(ssl !== null && { ssl }),
      connectTimeout: this.connectTimeoutSeconds * 1000,
      connectAttributes: { program_name: programName },
      charset: 'utf8mb4',
      enableKeepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_IDLE_MS,
      // One statement a message: what a script holds is told apart by us, and nothing can be smuggled behind one.
      multipleStatements: false,
      supportBigNumbers: true,
      bigNumberStrings: false,
      dateStrings: true,
      jsonStrings: true,
      // The driver's own default would change how scripts are read (sql_mode IGNORE_SPACE).
      flags: ['-IGNORE_SPACE', '-LOCAL_FILES'],
    };
  }

  /** Arguments and environment for MySQL's programs; the password is in the environment alone. */
  programOptions(): { args: string[]; env: Record<string, string> } {
    const { host, port, socket, user, password } = this.#parts;
    const tls = this.#tlsFacts();
    const place = socket === null ? [`--host=${host}`, `--port=${port}`, '--protocol=TCP'] : [`--socket=${socket}`];
    const ssl = tls === null ? [] : ['--ssl', ...(tls.ca === null ? [] : [`--ssl-ca=${tls.ca}`]), ...(tls.verify ? ['--ssl-verify-server-cert'] : [])];
    return { args: ['--no-defaults', ...place, `--user=${user}`, '--default-character-set=utf8mb4', ...ssl], env: password === null ? {} : { MYSQL_PWD: password } };
  }

  #tlsFacts(): { verify: boolean; ca: string | null } | null {
    const { parameters } = this.#parts;
    if (parameters.has('sslidentity')) throw unusable('it names a PKCS #12 file (sslidentity), which the dump programs cannot read', ['Name the CA with sslcert, or use a login without client certificate.']);
    const accept = parameters.get('sslaccept');
    const mode = (parameters.get('sslmode') ?? parameters.get('ssl-mode'))?.toLowerCase();
    if (accept !== undefined && !['strict', 'accept_invalid_certs'].includes(accept)) throw unusable('its sslaccept is none of strict, accept_invalid_certs');
    if (mode !== undefined && !['disabled', 'disable', 'preferred', 'prefer', 'required', 'require', 'verify_ca', 'verify-ca', 'verify_identity', 'verify-full'].includes(mode)) throw unusable('its sslmode is not known');
    const ca = parameters.get('sslcert') || parameters.get('ssl-ca') || null;
    const wanted = ca !== null || accept !== undefined || (mode !== undefined && !/^(disable|prefer)/.test(mode));
    return wanted ? { verify: accept === 'strict' || (mode ?? '').startsWith('verify'), ca } : null;
  }

  #tls(): SslOptions | null {
    const facts = this.#tlsFacts();
    if (facts === null) return null;
    return { rejectUnauthorized: facts.verify, verifyIdentity: facts.verify, ...(facts.ca !== null && { ca: readFile(facts.ca) }) };
  }
}

/** Narrows the port's opaque target. @throws FaberError connection_not_configured when it belongs to another provider. */
export function mysqlTarget(target: ConnectionTarget): MysqlTarget {
  if (target instanceof MysqlTarget) return target;
  throw unusable('it belongs to another database system');
}

function hostAndPort(text: string): [host: string, port: string] {
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(text);
  if (bracketed) return [bracketed[1]!, bracketed[2] ?? ''];
  if (text.includes(',')) throw unusable('it names several hosts', ['Name the primary alone: a change must know which server it runs on.']);
  const colon = text.lastIndexOf(':');
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}

function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      throw unusable('a percent-encoded part is not UTF-8');
    }
  });
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unusable(`the file named by sslcert cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function unusable(why: string, suggestions: string[] = []): FaberError {
  return new FaberError({
    code: 'connection_not_configured',
    message: `The connection URL cannot be used: ${why}.`,
    suggestions: suggestions.length > 0 ? suggestions : ['It is to be mysql://, then user:password, an @, host:3306/database; special characters percent-encoded.'],
  });
}
