/** Real MariaDB databases for tests: one server a run, a database and an ordinary role of its own for each caller. */
import { randomBytes } from 'node:crypto';
import mysql from 'mysql2/promise';
import { afterAll } from 'vitest';
import { askForServer } from './ask.js';

export interface SharedMysql {
  adminUrl: string;
  /** Folder of mariadb and mariadb-dump, and where their libraries are if they were fetched. */
  binDir: string;
  libraryPath: string | null;
  host: string;
  port: number;
}

export interface MysqlTestDatabase {
  url: string;
  name: string;
  role: { name: string; password: string };
  /** Runs one query as the role of `url`. */
  query<Row = Record<string, unknown>>(sql: string, params?: unknown[]): Promise<Row[]>;
  asAdmin(sql: string, params?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Drops it, and what was made beside. Happens by itself after the test file. */
  drop(): Promise<unknown>;
}

let shared: Promise<SharedMysql> | undefined;

/** The run's server. Programs of its version are found by what it sets for this process. */
export function mysqlServer(): Promise<SharedMysql> {
  shared ??= askForServer<SharedMysql>('mysql').then((server) => {
    process.env['FABER_DB_MYSQL_BIN'] = server.binDir;
    if (server.libraryPath !== null) process.env['LD_LIBRARY_PATH'] = server.libraryPath;
    return server;
  });
  return shared;
}

/** Every character that needs care in a URL, a shell or an option file. */
const AWKWARD = "p@s:s/w?o#r%d&'\" \\$+=é";

/** The grant that faber-db asks for: of the database and of those that it makes beside. */
export const grants = (name: string, user: string) => [
  `GRANT ALL ON \`${name.replaceAll('_', '\\_')}\`.* TO '${user}'@'%'`,
  `GRANT ALL ON \`${name.replaceAll('_', '\\_')}\\_faber\\_%\`.* TO '${user}'@'%'`,
];

/** A new empty database with a role that has no other rights than in it and beside it. */
export async function createMysqlDatabase(options: { grantBeside?: boolean; server?: Pick<SharedMysql, 'adminUrl' | 'host' | 'port'> } = {}): Promise<MysqlTestDatabase> {
  const { adminUrl, host, port } = options.server ?? (await mysqlServer());
  const asAdmin: MysqlTestDatabase['asAdmin'] = (sql, params) => queryOnce(adminUrl, sql, params);
  const suffix = randomBytes(5).toString('hex');
  const name = `test_${suffix}`;
  const role = { name: `owner_${suffix}`, password: `${AWKWARD}${suffix}` };
  await asAdmin(`CREATE DATABASE \`${name}\``);
  await asAdmin(`CREATE USER '${role.name}'@'%' IDENTIFIED BY ?`, [role.password]);
  for (const grant of grants(name, role.name).slice(0, options.grantBeside === false ? 1 : 2)) await asAdmin(grant);
  const url = `mysql://${role.name}:${encodeURIComponent(role.password)}@${host}:${port}/${name}`;
  const drop = async () => {
    const all = await asAdmin('SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name = ? OR schema_name LIKE ?', [name, `${name}\\_faber\\_%`]);
    for (const row of all) await asAdmin(`DROP DATABASE IF EXISTS \`${String(row['name'])}\``);
    await asAdmin(`DROP USER IF EXISTS '${role.name}'@'%'`);
  };
  if (!options.server) drops.push(drop);
  return { url, name, role, query: (sql, params) => queryOnce(url, sql, params), asAdmin, drop };
}

async function queryOnce<Row>(url: string, sql: string, params: unknown[] = []): Promise<Row[]> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const client = await mysql.createConnection({
    host: hostname, port: Number(port), user: username, password: decodeURIComponent(password), database: pathname.slice(1), supportBigNumbers: true,
  });
  try {
    // What a failed test still holds must not hold the whole run.
    await client.query('SET SESSION lock_wait_timeout = 30');
    const [rows] = await client.query(sql, params);
    return rows as Row[];
  } finally {
    await client.end();
  }
}

const drops: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const drop of drops.splice(0)) await drop();
});
