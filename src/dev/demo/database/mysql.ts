/** A throwaway MariaDB server with the shop's database. */
import { createHash, randomBytes } from 'node:crypto';
import mysql from 'mysql2/promise';
import { mysqlPrograms } from '../../mysql-programs.js';
import { startMysql, type MysqlServer } from '../../mysql-server.js';
import type { DemoDatabase } from './contract.js';
import { LEDGER, type Evidence } from './evidence.js';

export async function demoMysql(say: (line: string) => void, cleanUps: (() => Promise<void>)[]): Promise<DemoDatabase> {
  // With a log of changes it can be proven that nobody wrote since the backup: a restore then runs by itself.
  const server = await startMysql(await mysqlPrograms(say), { 'log-bin': 'changes' });
  cleanUps.push(() => server.stop());
  const { url, version } = await createShopDatabase(server);
  return {
    name: `MariaDB ${version}`,
    place: `${server.host}:${server.port}`,
    url,
    example: 'shop-mysql',
    env: { FABER_DB_MYSQL_BIN: server.binDir, ...(server.libraryPath === null ? {} : { LD_LIBRARY_PATH: server.libraryPath }) },
    schemaIsComparedBy: 'SHOW CREATE TABLE',
    gather: () => withConnection(url, evidence),
    leave: () => {
      server.leaveRunning();
      return { end: [`kill ${server.pid}`], folders: [server.folder] };
    },
  };
}

/** As on a hosted server: a user of its own, who may use the application's database and those that faber-db makes beside it. */
async function createShopDatabase({ adminUrl, host, port }: MysqlServer): Promise<{ url: string; version: string }> {
  const password = randomBytes(18).toString('base64url');
  return withConnection(adminUrl, async (admin) => {
    await admin.query('CREATE DATABASE shop');
    await admin.query(`CREATE USER shop@'%' IDENTIFIED BY ${mysql.escape(password)}`);
    for (const databases of ['shop', 'shop\\_faber\\_%']) await admin.query(`GRANT ALL ON \`${databases}\`.* TO shop@'%'`);
    const [[row]] = await admin.query<mysql.RowDataPacket[]>("SELECT substring_index(version(), '-', 1) AS version");
    return { url: `mysql://shop:${password}@${host}:${port}/shop`, version: String(row?.['version']) };
  });
}

async function withConnection<T>(url: string, work: (connection: mysql.Connection) => Promise<T>): Promise<T> {
  const connection = await mysql.createConnection({ uri: url, dateStrings: true });
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

async function evidence(connection: mysql.Connection): Promise<Evidence> {
  const all = async (sql: string, parameters: unknown[] = []) => (await connection.query<mysql.RowDataPacket[]>(sql, parameters))[0] as Record<string, unknown>[];
  const names = (await all('SELECT table_name AS name FROM information_schema.tables WHERE table_schema = database() AND table_name <> ? ORDER BY 1', [LEDGER])).map(({ name }) => String(name));
  const schema: unknown[] = [];
  const tables: Evidence['tables'] = {};
  for (const name of names) {
    const [made] = await all(`SHOW CREATE TABLE \`${name}\``);
    // The next number is none of the schema.
    schema.push(String(made?.['Create Table']).replace(/ AUTO_INCREMENT=\d+/, ''));
    const rows = (await all(`SELECT * FROM \`${name}\``)).map((row) => JSON.stringify(row)).sort();
    tables[name] = { rows: rows.length, checksum: digest(rows) };
  }
  const ledger = await all(`SELECT migration_name AS name, finished_at IS NOT NULL AS finished FROM ${LEDGER} WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`);
  const of = (finished: number) => ledger.filter((row) => row['finished'] === finished).map(({ name }) => String(name));
  return { schema: digest(schema), tables, ledger: { applied: of(1), unfinished: of(0) } };
}

const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');
