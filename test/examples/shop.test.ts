/** The example project, run without faber-db: what the demo shows has to come from the scripts themselves. */
import { execFile } from 'node:child_process';
import { cp, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, postgres, type TestDatabase } from '../support/postgres.js';
import { prisma } from '../support/prisma-cli.js';
import { tempDir } from '../support/temp.js';

let database: TestDatabase;

/** Runs a script with psql, in one transaction unless it cannot run in one. */
async function run(release: string, migration: string, file = 'migration.sql'): Promise<void> {
  const path = join('examples', release, 'prisma', 'migrations', migration, file);
  const alone = (await readFile(path, 'utf8')).includes('CONCURRENTLY "');
  const { binDir } = await postgres();
  await promisify(execFile)(join(binDir, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...(alone ? [] : ['-1']), '-f', path], { env: { ...process.env, ...variables() } });
}

function variables(): Record<string, string> {
  const url = new URL(database.url);
  return { PGHOST: url.hostname, PGPORT: url.port, PGUSER: decodeURIComponent(url.username), PGPASSWORD: decodeURIComponent(url.password), PGDATABASE: database.name };
}

async function migrationsOf(release: string): Promise<string[]> {
  const entries = await readdir(join('examples', release, 'prisma', 'migrations'), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort();
}

const orders = () => database.query('SELECT id, customer_id, status, placed_at FROM orders ORDER BY id');

beforeEach(async () => {
  database = await createDatabase();
  for (const migration of await migrationsOf('shop')) await run('shop', migration);
});

/** The project after a release, with the packages that its config file imports. */
async function checkout(...releases: string[]): Promise<string> {
  const folder = await tempDir();
  for (const release of releases) await cp(join('examples', release), folder, { recursive: true });
  await symlink(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Nothing is left to migrate between the database and the project's schema, as Prisma itself sees it. */
async function schemaAgrees(project: string): Promise<void> {
  const { exitCode, output } = await prisma(project, database.url, 'migrate', 'diff', '--from-config-datasource', '--to-schema', 'prisma/schema.prisma', '--exit-code');
  expect(exitCode, output).toBe(0);
}

describe('examples/shop', () => {
  test("both releases' migrations make what their Prisma schemas say", async () => {
    await schemaAgrees(await checkout('shop'));
    await run('shop-release-2', '20260202090000_order_totals');
    await database.query("UPDATE customers SET email = email || id WHERE email LIKE 'ana%'");
    await run('shop-release-2', '20260202091000_one_account_per_email');
    await schemaAgrees(await checkout('shop', 'shop-release-2'));
  });

  test('its first release applies to an empty database and leaves a valid index', async () => {
    expect(await database.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_customer_id_idx'::regclass")).toEqual([{ indisvalid: true }]);
    expect(await database.query('SELECT (SELECT count(*)::int FROM customers) AS customers, (SELECT count(*)::int FROM order_items) AS items')).toEqual([{ customers: 2000, items: 20000 }]);
  });

  test('the first migration of its second release changes rows, and its down script brings them back', async () => {
    const before = await orders();
    await run('shop-release-2', '20260202090000_order_totals');
    expect(await database.query("SELECT min(total_cents) > 0 AND min(pieces) > 0 AS filled FROM orders")).toEqual([{ filled: true }]);
    await run('shop-release-2', '20260202090000_order_totals', 'down.sql');
    expect(await orders()).toEqual(before);
    expect(await database.query("SELECT 1 FROM information_schema.columns WHERE table_name = 'orders' AND column_name IN ('total_cents', 'pieces')")).toEqual([]);
  });

  test('the second migration fails on the rows of the old shop', async () => {
    await run('shop-release-2', '20260202090000_order_totals');
    await expect(run('shop-release-2', '20260202091000_one_account_per_email')).rejects.toThrow('could not create unique index "customers_email_key"');
  });
});
