import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchName } from '../../../src/handlers/database/postgresql/beside/side-names.js';
import { asAdmin } from '../../support/postgres.js';
import { backups, database, fileOf, never, scene } from './setup.js';

const SHOP = `
  CREATE TABLE customers (id serial PRIMARY KEY, email text UNIQUE NOT NULL);
  CREATE TABLE "Order Lines" (id bigint PRIMARY KEY, note text);
  INSERT INTO customers (email) SELECT 'c' || g || '@example.com' FROM generate_series(1, 1000) g;
  INSERT INTO "Order Lines" SELECT g, repeat('x', 100) FROM generate_series(1, 50) g`;

for (const compression of ['zstd', 'gzip', 'none'] as const) {
  test(`a backup packed by ${compression} is listed, checked and proven`, async () => {
    const { target, store, options } = await scene({ sql: SHOP, backup: { compression } });
    const record = await backups.create(target, store, options('backup-20260124-103000', { label: 'nightly', ledgerDigest: 'abc' }));
    expect(record).toMatchObject({ level: 'checked', compression, label: 'nightly', ledger_digest: 'abc', proven_at: null });
    expect(record.tables).toEqual([
      { schema: 'public', table: 'Order Lines', rows: 50 },
      { schema: 'public', table: 'customers', rows: 1000 },
    ]);
    await backups.check(store, record, never);
    const proven = await backups.prove(target, store, record, never);
    expect(proven.level).toBe('proven');
    expect((await store.listBackups()).backups).toEqual([proven]);
    expect((await stat(fileOf(store, record))).mode & 0o777).toBe(0o600);
    expect((await readdir(join(store.location, 'backups', record.backup_id))).sort()).toEqual(['database.json', record.file, 'manifest.json', 'structure.json'].sort());
    expect(await readFile(join(store.location, 'backups', record.backup_id, 'manifest.json'), 'utf8')).not.toContain(target.secrets[0]);
  });
}

test('the counts are those of the dump\'s own snapshot while others write', async () => {
  const s = await scene({ sql: 'CREATE TABLE a (n int); CREATE TABLE b (n int); CREATE TABLE bulk AS SELECT g, md5(g::text) FROM generate_series(1, 100000) g' });
  let writing = true;
  const writer = (async () => {
    // Both tables in one transaction: a snapshot sees as many rows in the one as in the other.
    while (writing) await s.db.query('WITH x AS (INSERT INTO a VALUES (1)) INSERT INTO b VALUES (1)');
  })();
  while ((await s.db.query<{ n: number }>('SELECT count(*)::int AS n FROM a'))[0]!.n < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  const record = await backups.create(s.target, s.store, s.options('backup-20260124-103000'));
  writing = false;
  await writer;
  const rows = Object.fromEntries(record.tables!.map((table) => [table.table, table.rows]));
  expect(rows['a']).toBe(rows['b']);
  expect(rows['a']).toBeGreaterThanOrEqual(3);
  expect((await s.db.query<{ n: number }>('SELECT count(*)::int AS n FROM a'))[0]!.n).toBeGreaterThan(rows['a']!);
  expect((await backups.prove(s.target, s.store, record, never)).level).toBe('proven');
});

test('a backup that was cancelled before its count began does not wait for the lock that an application holds', async () => {
  const s = await scene({ sql: SHOP });
  const session = await database.connect(s.target, 'test');
  await session.query('BEGIN');
  await session.query('LOCK TABLE customers IN ACCESS EXCLUSIVE MODE');
  const { settings } = s;
  const patient = { ...settings, migrations: { ...settings.migrations, lock_timeout_seconds: 3_600 } };
  const backup = backups.create(s.target, s.store, s.options('backup-20260124-103000', { settings: patient, signal: AbortSignal.abort() }));
  await expect(backup).rejects.toMatchObject({ code: 'backup_failed' });
  expect(await s.db.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).toEqual([]);
  await session.close();
});

test('the same id again gives the finished backup, and replaces what an unfinished attempt left', async () => {
  const s = await scene({ sql: SHOP });
  await s.store.beginBackup('backup-20260124-103000');
  const directory = join(s.store.location, 'backups', 'backup-20260124-103000');
  await writeFile(join(directory, '.tmp-of-a-crashed-attempt'), 'half');
  const first = await backups.create(s.target, s.store, s.options('backup-20260124-103000'));
  expect(await readdir(directory)).not.toContain('.tmp-of-a-crashed-attempt');
  await s.db.query('DELETE FROM customers');
  expect(await backups.create(s.target, s.store, s.options('backup-20260124-103000'))).toEqual(first);
});

test('the bookkeeping of operations is left out of dump and counts', async () => {
  const s = await scene({ sql: SHOP });
  await database.bookkeeping.ensure(s.target);
  const record = await backups.prove(s.target, s.store, await backups.create(s.target, s.store, s.options('backup-20260124-103000')), never);
  expect(record.tables!.map((table) => table.schema)).toEqual(['public', 'public']);
});

test('a proof leaves no scratch database, not even one of a crashed attempt, and cleanUp removes those of an operation', async () => {
  const s = await scene({ sql: SHOP });
  const record = await backups.create(s.target, s.store, s.options('backup-20260124-103000', { operationId: 'op-1' }));
  const scratch = scratchName(s.db.name, 'op-1');
  const leftBehind = () => asAdmin('SELECT datname FROM pg_database WHERE datname = $1', [scratch]);
  await s.db.query(`CREATE DATABASE ${scratch}`);
  await backups.prove(s.target, s.store, record, never);
  expect(await leftBehind()).toEqual([]);
  await s.db.query(`CREATE DATABASE ${scratch}`);
  await backups.cleanUp(s.target, 'op-1');
  expect(await leftBehind()).toEqual([]);
});

test('memory stays flat while a large database is dumped and restored', async () => {
  // Incompressible, so that as much comes through this process as the tables have.
  const s = await scene({ sql: "CREATE TABLE bulk AS SELECT (SELECT string_agg(md5(random()::text || g || i), '') FROM generate_series(1, 30) i) AS x FROM generate_series(1, 100000) g" });
  // Code is compiled at its first run, which takes memory of its own.
  const small = await scene({ sql: SHOP });
  await backups.prove(small.target, small.store, await backups.create(small.target, small.store, small.options('backup-20260124-103000')), never);
  // The bytes that this process holds. What the whole process takes of the machine says less: it grows with how busy the machine is.
  const held = () => process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  const before = held();
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, held())), 5);
  const record = await backups.create(s.target, s.store, s.options('backup-20260124-103000'));
  await backups.prove(s.target, s.store, record, never);
  clearInterval(watch);
  expect(record.size_bytes).toBeGreaterThan(40e6);
  // Some 5 MB, idle or busy; a dump that was held whole, or whose pieces became garbage, would be a multiple of that.
  expect(peak - before).toBeLessThan(record.size_bytes / 4);
});

test('preflight names what is missing before anything runs', async () => {
  const s = await scene({ sql: SHOP, backup: { compression: 'gzip', max_database_size: 1 } });
  const { findings } = await backups.preflight(s.target, s.settings, s.store);
  expect(findings).toEqual([expect.stringContaining('packed by gzip'), expect.stringContaining('checked, not proven')]);
});
