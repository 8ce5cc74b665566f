/** Real databases for tests: one server a run, a database and a role of its own for each caller. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll } from 'vitest';
import { askForServer } from './ask.js';

export interface SharedPostgres {
  /** Superuser, database `postgres`. */
  adminUrl: string;
  /** Folder of psql, pg_dump and the rest, of the server's version. */
  binDir: string;
  host: string;
  port: number;
}

export interface TestDatabase {
  url: string;
  name: string;
  /** Name and plain password of the role in `url`. */
  role: { name: string; password: string };
  /** Runs one query as the role of `url`. */
  query<Row = Record<string, unknown>>(sql: string, params?: unknown[]): Promise<Row[]>;
  /** Runs one statement as the superuser of its server, in the database `postgres`. */
  asAdmin(sql: string, params?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Drops the database, whoever is connected. Happens by itself after the test file. */
  drop(): Promise<unknown>;
}

let shared: Promise<SharedPostgres> | undefined;

/** The run's server. */
export function postgres(): Promise<SharedPostgres> {
  shared ??= askForServer<SharedPostgres>('postgres');
  return shared;
}

/** Every character that needs care in a URL, a shell, a connection string or a pgpass file. */
const AWKWARD = "p@s:s/w?o#r%d&'\" \\$+=é";

/**
 * A new empty database. `owner` (the default): owned by a new role that is no superuser and may create databases, as on
 * hosted servers. `superuser`: the server's own. `server`: not the run's; it takes its databases along when it stops.
 */
export async function createDatabase(options: { name?: string; role?: 'owner' | 'superuser'; server?: Pick<SharedPostgres, 'adminUrl' | 'host' | 'port'> } = {}): Promise<TestDatabase> {
  const { adminUrl, host, port } = options.server ?? (await postgres());
  const asSuperuser: TestDatabase['asAdmin'] = (sql, params) => queryOnce(adminUrl, sql, params);
  const suffix = randomBytes(5).toString('hex');
  const name = options.name ?? `test_${suffix}`;
  const admin = new URL(adminUrl);
  const role = options.role === 'superuser'
    ? { name: admin.username, password: decodeURIComponent(admin.password) }
    : { name: `owner_${suffix}`, password: `${AWKWARD}${suffix}` };
  if (options.role !== 'superuser') {
    await asSuperuser(`CREATE ROLE ${pg.escapeIdentifier(role.name)} LOGIN CREATEDB PASSWORD ${pg.escapeLiteral(role.password)}`);
    if (!options.server) roles.push(role.name);
  }
  await asSuperuser(`CREATE DATABASE ${pg.escapeIdentifier(name)} OWNER ${pg.escapeIdentifier(role.name)}`);
  const credentials = `${encodeURIComponent(role.name)}:${encodeURIComponent(role.password)}`;
  const url = `postgresql://${credentials}@${host}:${port}/${encodeURIComponent(name)}`;
  const drop = () => asSuperuser(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
  if (!options.server) drops.push(drop);
  return { url, name, role, query: (sql, params) => queryOnce(url, sql, params), asAdmin: asSuperuser, drop };
}

/** Runs one statement as the superuser in the database `postgres`. */
export async function asAdmin(sql: string, params?: unknown[]): Promise<Record<string, unknown>[]> {
  return queryOnce((await postgres()).adminUrl, sql, params);
}

async function queryOnce<Row>(url: string, sql: string, params?: unknown[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  // A database dropped by force ends sessions; the query itself reports it.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql, params)).rows as Row[];
  } finally {
    await client.end();
  }
}

const drops: (() => Promise<unknown>)[] = [];
const roles: string[] = [];
afterAll(async () => {
  for (const drop of drops.splice(0)) await drop();
  for (const role of roles.splice(0)) await dropRole(role);
});

/** Databases that the role made itself (restores, scratch) go with it, so that none outlives the file. */
async function dropRole(role: string): Promise<void> {
  const owned = await asAdmin('SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = $1', [role]);
  for (const { datname } of owned) await asAdmin(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(String(datname))} WITH (FORCE)`);
  await asAdmin(`DROP ROLE ${pg.escapeIdentifier(role)}`);
}
