/** Opens driver connections: tries each way that `sslmode` allows, and makes the session one that ends with its worker. */
import type { Duplex } from 'node:stream';
import pg from 'pg';
import { FaberError } from '../../../contract/failure.js';
import { connectionFailure } from './connection-failure.js';
import type { PostgresTarget } from './connection-url.js';
import { inFreePlace } from './places.js';

export interface Connection {
  client: pg.Client;
  /** The server's own number for this session, which a pooler in between would hide. */
  backendPid: number;
  /** The server looks, while it works, whether the client is still there. */
  watchesClient: boolean;
  /** The server refused startup options, as connection poolers do. */
  optionsRefused: boolean;
}

/** Where the server is asked about a database that cannot be; the second where the first was dropped. */
export const MAINTENANCE_DATABASES: readonly string[] = ['postgres', 'template1'];

/** How often a backend looks whether its client is still there. */
export const CLIENT_CHECK = '2s';
/**
 * A backend whose worker was killed notices only when it writes to the socket, after minutes of work that nobody waits
 * for. Where the server can (14 and later, not on every system), it looks at the socket while it works.
 */
const SESSION_SETUP = `
  SELECT pg_catalog.pg_backend_pid() AS pid, (
    SELECT set_config(name, '${CLIENT_CHECK}', false) FROM pg_catalog.pg_settings
    WHERE name = 'client_connection_check_interval' AND pg_catalog.version() ~ 'linux|darwin|apple'
  ) IS NOT NULL AS watches`;

/** @throws FaberError health_check_failed. */
export async function openConnection(target: PostgresTarget, applicationName: string): Promise<Connection> {
  try {
    return await inFreePlace(target.database, () => openAsAllowed(target, applicationName), target.insists ? () => elsewhere(target, applicationName) : null);
  } catch (error) {
    throw asFailure(target, error);
  }
}

async function openAsAllowed(target: PostgresTarget, applicationName: string): Promise<Connection> {
  const configs = target.clientConfigs(applicationName);
  try {
    return { ...(await openEitherWay(target, configs)), optionsRefused: false };
  } catch (error) {
    if (!refusesOptions(error)) throw error;
  }
  return { ...(await openEitherWay(target, configs.map((config) => ({ ...config, options: undefined })))), optionsRefused: true };
}

/** A connection to a database of the server that is not the target. */
async function elsewhere(target: PostgresTarget, applicationName: string): Promise<pg.Client> {
  let first: unknown;
  for (const name of MAINTENANCE_DATABASES.filter((name) => name !== target.database)) {
    const other = target.withDatabase(name);
    try {
      return (await openEitherWay(other, other.clientConfigs(applicationName))).client;
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

/** Tries each in order, as `sslmode` allows. */
async function openEitherWay(target: PostgresTarget, [first, ...others]: pg.ClientConfig[]): Promise<Opened> {
  try {
    return await openClient(first!, target.signal);
  } catch (error) {
    if (hasNoTls(error)) target.rememberNoTls();
    if (others.length === 0 || !mayTryOtherEncryption(error)) throw error;
    return openEitherWay(target, others);
  }
}

type Opened = Omit<Connection, 'optionsRefused'>;

function asFailure(target: PostgresTarget, error: unknown): FaberError {
  return error instanceof FaberError ? error : connectionFailure(target, error);
}

async function openClient(config: pg.ClientConfig, signal: AbortSignal | undefined): Promise<Opened> {
  signal?.throwIfAborted();
  const client = new pg.Client(config);
  if (signal) breakOffAt(signal, client);
  // A session that the server ends while idle emits this; the next query tells it.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number; watches: boolean }>(SESSION_SETUP);
    return { client, backendPid: rows[0]!.pid, watchesClient: rows[0]!.watches };
  } catch (error) {
    // Not awaited: ending a connection that never opened can wait for the network.
    client.end().catch(() => {});
    throw error;
  }
}

/** A server that stands still answers no query and no good-bye: only the socket can be given up. */
function breakOffAt(signal: AbortSignal, client: pg.Client): void {
  const breakOff = () => messagesOf(client).stream.destroy();
  signal.addEventListener('abort', breakOff, { once: true });
  client.once('end', () => signal.removeEventListener('abort', breakOff));
}

/** libpq's rule for `prefer` and `allow`: the other way is tried when the server refused this one, not when the login failed. */
function mayTryOtherEncryption(error: unknown): boolean {
  return hasNoTls(error) || (error as { code?: string }).code === '28000';
}

function hasNoTls(error: unknown): boolean {
  return error instanceof Error && error.message === 'The server does not support SSL connections';
}

/** PgBouncer's words: `unsupported startup parameter: options`, or `… in options: …`. */
function refusesOptions(error: unknown): boolean {
  return error instanceof Error && /unsupported startup parameter.*options/.test(error.message);
}

/** The driver's stream of protocol messages, which its types leave out. */
export function messagesOf(client: pg.Client): NodeJS.EventEmitter & { stream: Duplex } {
  return (client as unknown as { connection: NodeJS.EventEmitter & { stream: Duplex } }).connection;
}
