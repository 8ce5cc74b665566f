/**
 * Proving and restoring take transaction ids of the same server: they must not look like writes of others, nor hide one.
 * On a server of its own, where nobody else writes, and whose lock table is small.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../src/dev/postgres-server.js';
import { postgres } from '../../support/postgres.js';
import { backups, beside, database, never } from './setup.js';

const ID = 'backup-20260124-103000';
let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres((await postgres()).binDir, { autovacuum: 'off', max_connections: '20', max_locks_per_transaction: '10' });
});
afterAll(() => server.stop());

async function run(name: string, sql: string): Promise<void> {
  const session = await database.connect(database.target(server.adminUrl).withDatabase(name), 'test');
  await session.script(sql);
  await session.close();
}

async function begun(name: string, sql: string) {
  await run('postgres', `CREATE DATABASE ${name}`);
  await run(name, sql);
  const target = database.target(server.adminUrl).withDatabase(name);
  await database.bookkeeping.ensure(target);
  await database.bookkeeping.takeFence(target, 'op-1', { signal: never, lockTimeoutSeconds: 5, timeoutSeconds: 5 });
  const s = await beside(target);
  return { ...s, record: await backups.create(target, s.store, s.options(ID, { operationId: 'op-1' })) };
}

const TABLES = 'CREATE TABLE t AS SELECT g AS n FROM generate_series(1, 1000) g; CREATE INDEX ON t (n); CREATE VIEW v AS SELECT n FROM t';

test('a quiet database is still proven quiet after the backup was proven and restored, up to the moment of the swap', async () => {
  const { target, store, record } = await begun('quiet', TABLES);
  await backups.prove(target, store, record, never);
  expect(await database.nothingWrittenSince(target, record.snapshot, 'op-1')).toMatchObject({ proven: true });
  await backups.restoreBeside(target, store, record, 'op-1', never);
  expect(await database.nothingWrittenSince(target, record.snapshot, 'op-1')).toMatchObject({ proven: true });
  const last: unknown[] = [];
  await backups.swap(target, 'op-1', async (session) => void last.push(await database.nothingWrittenSince(target, record.snapshot, 'op-1', session!)), never);
  expect(last).toMatchObject([{ proven: true }]);
});

test('one write of somebody else while the backup is proven is not hidden', async () => {
  const { target, store, record } = await begun('busy', TABLES);
  const others: Promise<void>[] = [];
  await backups.prove(target, store, record, never, (what) => what.startsWith('restoring') && others.push(run('busy', 'INSERT INTO t VALUES (0)')));
  await Promise.all(others);
  expect(await database.nothingWrittenSince(target, record.snapshot, 'op-1')).toMatchObject({ proven: false });
});

test('more objects than the server can lock at once are restored one by one, and then nothing is claimed as own', async () => {
  const { target, store, record } = await begun('wide', "CREATE TABLE t AS SELECT 1 AS n; SELECT lo_from_bytea(0, '\\x01') FROM generate_series(1, 2000)");
  const seen: string[] = [];
  expect(await backups.prove(target, store, record, never, (what) => seen.push(what))).toMatchObject({ level: 'proven' });
  expect(seen).toContain('restoring again, object by object');
  expect(await database.nothingWrittenSince(target, record.snapshot, 'op-1')).toMatchObject({ proven: false });
});
