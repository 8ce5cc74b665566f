import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backups, never, scene } from './setup.js';

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
    expect((await stat(store.backupFile(record))).mode & 0o777).toBe(0o600);
    expect((await readdir(join(store.location, 'backups', record.backup_id))).sort()).toEqual(['database.json', record.file, 'manifest.json'].sort());
    expect(await readFile(join(store.location, 'backups', record.backup_id, 'manifest.json'), 'utf8')).not.toContain(target.secrets[0]);
  });
}
