/**
 * The one place that turns a URL into options of the driver and variables of libpq, so that a migration, pg_dump and
 * psql reach the same database as the same role in the same way.
 */
import { inspect } from 'node:util';
import type { ClientConfig } from 'pg';
import type { ConnectionTarget } from '../contract.js';
import { tlsAttempts, tlsEnvironment, tlsParameters, type Tls } from './tls.js';
import { unusable, urlParts, type UrlParts } from './url-parts.js';

const DEFAULT_CONNECT_TIMEOUT_SECONDS = 10;
/**
 * A route that is gone without a word (a host that died, a firewall that forgot the connection) leaves a session that waits for an
 * answer for ever: the system asks after two hours by default. Silent for so long, it is asked whether it is still there.
 */
export const KEEPALIVE_IDLE_SECONDS = 10;
/** PostgreSQL cuts application names there, in bytes (NAMEDATALEN - 1). */
const APPLICATION_NAME_BYTES = 63;

/**
 * Parses a URL with libpq's and Prisma's parameters. Pool sizes and other parameters of clients are accepted and unused;
 * an `application_name` in it is dropped, since sessions are told apart by the names we give.
 * @throws FaberError connection_not_configured, never quoting the URL.
 */
export function parsePostgresUrl(url: string): PostgresTarget {
  const parts = urlParts(url);
  return new PostgresTarget(parts, tlsParameters(parts.parameters));
}

/** Parameters that say what stands before the question mark, or that we set. */
const IN_AUTHORITY = new Set(['user', 'password', 'host', 'port', 'dbname', 'application_name']);

export class PostgresTarget implements ConnectionTarget {
  readonly #parts: UrlParts;
  readonly #tls: Tls;
  /** The schema that unqualified names of scripts mean: Prisma's `?schema=`. */
  readonly schema: string;
  /** Whether `?schema=` says so, or it is the default `public`. */
  readonly schemaGiven: boolean;
  /** `?pgbouncer=true`: a pooler in transaction mode by its owner's word. */
  readonly pgbouncer: boolean;
  readonly connectTimeoutSeconds: number;
  /** Asking a server without TLS for it costs it a process each time. */
  #serverHasNoTls = false;

  /**
   * @param insists see `insisting`
   * @param signal ends the sessions that are opened through this target
   */
  constructor(parts: UrlParts, tls: Tls, readonly insists = false, readonly signal?: AbortSignal) {
    this.#parts = parts;
    this.#tls = tls;
    const schema = parts.parameters.get('schema');
    this.schemaGiven = schema !== undefined && schema !== '';
    this.schema = this.schemaGiven ? schema! : 'public';
    this.pgbouncer = parts.parameters.get('pgbouncer') === 'true';
    this.connectTimeoutSeconds = seconds(parts.parameters.get('connect_timeout'));
  }

  get database(): string {
    return this.#parts.database;
  }
  get user(): string {
    return this.#parts.user;
  }
  get host(): string {
    return this.#parts.host;
  }
  get port(): number {
    return this.#parts.port;
  }

  get secrets(): readonly string[] {
    const secrets = [this.#parts.password, this.#tls.keyPassword].filter((secret) => secret !== null && secret !== '') as string[];
    return secrets.flatMap((secret) => [...new Set([secret, encodeURIComponent(secret)])]);
  }

  secretUrl(applicationName: string): string {
    const { host, port, user, password, database, parameters } = this.#parts;
    const encode = encodeURIComponent;
    const login = user === '' ? '' : `${encode(user)}${password === null ? '' : `:${encode(password)}`}@`;
    const isSocket = host.startsWith('/');
    const authority = `${login}${isSocket ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${port}`;
    const rest = [...parameters].filter(([name]) => !IN_AUTHORITY.has(name));
    const query = [...rest, ['application_name', shortened(applicationName)], ...(isSocket ? [['host', host]] : [])];
    return `postgresql://${authority}/${encode(database)}?${query.map(([name, value]) => `${encode(name!)}=${encode(value!)}`).join('&')}`;
  }

  describe(): string {
    const { host, port, database } = this.#parts;
    return `${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
  }
  toJSON(): string {
    return this.describe();
  }
  [inspect.custom](): string {
    return `PostgresTarget ${this.describe()}`;
  }

  /** The same server, role and parameters with another database. */
  withDatabase(name: string): PostgresTarget {
    return new PostgresTarget({ ...this.#parts, database: name }, this.#tls, this.insists, this.signal);
  }

  /** The same database, role and parameters on another server. */
  withServer(host: string, port: number): PostgresTarget {
    return new PostgresTarget({ ...this.#parts, host, port }, this.#tls, this.insists, this.signal);
  }

  insisting(): PostgresTarget {
    return new PostgresTarget(this.#parts, this.#tls, true, this.signal);
  }

  within(signal: AbortSignal): PostgresTarget {
    return new PostgresTarget(this.#parts, this.#tls, this.insists, this.signal ? AbortSignal.any([this.signal, signal]) : signal);
  }

  /**
   * Options of the driver for each way to connect, in the order to try them: `sslmode=prefer`, the default, means
   * with TLS and then without. They hold the password.
   */
  clientConfigs(applicationName: string): ClientConfig[] {
    const { host, port, user, password, database, parameters } = this.#parts;
    const attempts = tlsAttempts(this.#tls, host.startsWith('/'));
    const sensible = attempts.filter((ssl) => ssl === false || !this.#serverHasNoTls);
    return (sensible.length > 0 ? sensible : attempts).map((ssl) => ({
      host,
      port,
      user,
      database,
      password: password ?? undefined,
      ssl,
      application_name: shortened(applicationName),
      connectionTimeoutMillis: this.connectTimeoutSeconds * 1000,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEPALIVE_IDLE_SECONDS * 1000,
      enableChannelBinding: ['prefer', 'require'].includes(parameters.get('channel_binding') ?? ''),
      options: this.#options(),
    }));
  }

  /** The server has said that it offers no TLS: `prefer` need not ask again. */
  rememberNoTls(): void {
    this.#serverHasNoTls = true;
  }

  /** Options of the first way to connect. Prefer `connect()` of the handler, which tries them all. */
  clientConfig(applicationName: string): ClientConfig {
    return this.clientConfigs(applicationName)[0]!;
  }

  /** Variables for programs that use libpq. They hold the password, so they go to one child process and nowhere else. */
  environment(applicationName = 'faber-db program'): Record<string, string> {
    const { host, port, user, password, database, parameters } = this.#parts;
    const options = this.#options();
    return {
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGDATABASE: database,
      ...(password !== null && { PGPASSWORD: password }),
      ...tlsEnvironment(this.#tls),
      ...(parameters.has('channel_binding') && { PGCHANNELBINDING: parameters.get('channel_binding')! }),
      ...(options !== undefined && { PGOPTIONS: options }),
      PGCONNECT_TIMEOUT: String(this.connectTimeoutSeconds),
      PGAPPNAME: shortened(applicationName),
    };
  }

  /**
   * The whole environment for such a program: the worker's, without its PG* variables, which could lead to another server.
   * A URL without password leaves the worker's PGPASSWORD and PGPASSFILE in force, as they are for our own sessions.
   */
  programEnvironment(applicationName?: string): Record<string, string> {
    const kept = this.#parts.password === null ? ['PGPASSWORD', 'PGPASSFILE'] : [];
    const inherited = Object.entries(process.env).filter(([name, value]) => value !== undefined && (!name.startsWith('PG') || kept.includes(name)));
    return { ...(Object.fromEntries(inherited) as Record<string, string>), ...this.environment(applicationName) };
  }

  /**
   * The URL's own `options`, and ours: writes stay allowed for our sessions while `holdWrites` keeps others read-only, and
   * names mean Prisma's `?schema=`. As startup options they survive RESET ALL. A transaction pooler refuses options.
   */
  #options(): string | undefined {
    const given = this.#parts.parameters.get('options');
    if (this.pgbouncer) return given;
    const schema = `"${this.schema.replaceAll('"', '""')}"`.replace(/[\\\s]/g, '\\$&');
    return [...(given ? [given] : []), '-c default_transaction_read_only=off', ...(this.schemaGiven ? [`-c search_path=${schema}`] : [])].join(' ');
  }
}

/** Narrows the port's opaque target. @throws FaberError connection_not_configured when it belongs to another provider. */
export function postgresTarget(target: ConnectionTarget): PostgresTarget {
  if (target instanceof PostgresTarget) return target;
  throw unusable('it belongs to another database system');
}

/** Prisma's 0 means to wait without end, which no operation may. */
function seconds(text: string | undefined): number {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? Math.ceil(value) : DEFAULT_CONNECT_TIMEOUT_SECONDS;
}

function shortened(name: string): string {
  // A cut through a character leaves U+FFFD, which the server could not show.
  return Buffer.from(name).subarray(0, APPLICATION_NAME_BYTES).toString().replace(/\uFFFD+$/, '');
}
