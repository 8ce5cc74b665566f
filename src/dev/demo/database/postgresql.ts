/** A throwaway PostgreSQL server with the shop's database. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { postgresPrograms } from '../../postgres-programs.js';
import { startPostgres, type PostgresServer } from '../../postgres-server.js';
import type { DemoDatabase } from './contract.js';
import { gatherPostgres } from './postgresql-evidence.js';

export async function demoPostgres(say: (line: string) => void, cleanUps: (() => Promise<void>)[]): Promise<DemoDatabase> {
  const postgres = await startPostgres(await postgresPrograms(say));
  cleanUps.push(() => postgres.stop());
  const { url, version } = await createShopDatabase(postgres);
  return {
    name: `PostgreSQL ${version}`,
    place: `${postgres.host}:${postgres.port}`,
    url,
    example: 'shop',
    env: { FABER_DB_PG_BIN: postgres.binDir },
    schemaIsComparedBy: 'pg_dump --schema-only',
    gather: () => gatherPostgres(url, postgres.binDir),
    leave: () => {
      postgres.leaveRunning();
      return { end: [`kill -INT ${postgres.pid}`], folders: [postgres.folder] };
    },
  };
}

/** As on a hosted server: a role of its own, owner of the database, that may create databases and is no superuser. */
async function createShopDatabase({ adminUrl, host, port }: PostgresServer): Promise<{ url: string; version: string }> {
  const password = randomBytes(18).toString('base64url');
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(`CREATE ROLE shop LOGIN CREATEDB PASSWORD ${pg.escapeLiteral(password)}`);
    await admin.query('CREATE DATABASE shop OWNER shop');
    const { rows } = await admin.query<{ version: string }>("SELECT split_part(current_setting('server_version'), ' ', 1) AS version");
    return { url: `postgresql://shop:${password}@${host}:${port}/shop`, version: rows[0]?.version ?? '' };
  } finally {
    await admin.end();
  }
}
