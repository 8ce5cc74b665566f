/** What a PostgreSQL database holds, read with pg_dump and a session. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { LEDGER, type Evidence } from './evidence.js';


/** Reads it all. @param url the application's database. */
export async function gatherPostgres(url: string, binDir: string): Promise<Evidence> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return { schema: await schemaDigest(url, binDir), tables: await tableChecksums(client), ledger: await readLedger(client) };
  } finally {
    await client.end();
  }
}

async function schemaDigest(url: string, binDir: string): Promise<string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const { stdout } = await promisify(execFile)(join(binDir, 'pg_dump'), ['--schema-only', '--exclude-schema=faber_db'], {
    maxBuffer: 64 * 1024 * 1024,
    env: {
      ...process.env, PGHOST: hostname, PGPORT: port, PGUSER: decodeURIComponent(username),
      PGPASSWORD: decodeURIComponent(password), PGDATABASE: decodeURIComponent(pathname.slice(1)),
    },
  });
  // Newer pg_dumps write a random word there each time.
  return createHash('sha256').update(stdout.replace(/^\\(un)?restrict .*$/gm, '')).digest('hex');
}

async function tableChecksums(client: pg.Client): Promise<Evidence['tables']> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'faber_db') AND tablename <> $1 ORDER BY 1`,
    [LEDGER],
  );
  const tables: Evidence['tables'] = {};
  for (const { name } of rows) {
    const { rows: [sum] } = await client.query<{ rows: number; checksum: string }>(
      `SELECT count(*)::int AS rows, md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), '')) AS checksum FROM ${name} AS t`,
    );
    if (sum) tables[name] = sum;
  }
  return tables;
}

async function readLedger(client: pg.Client): Promise<Evidence['ledger']> {
  const { rows } = await client.query<{ name: string; finished: boolean }>(
    `SELECT migration_name AS name, finished_at IS NOT NULL AS finished FROM ${LEDGER} WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  const names = (finished: boolean) => rows.filter((row) => row.finished === finished).map((row) => row.name);
  return { applied: names(true), unfinished: names(false) };
}
