/** Each reason to refuse a restore, found before anything is changed. */
import { expect, test } from 'vitest';
import type { BackupRecord } from '../../../src/contract/backup.js';
import { asAdmin, createDatabase, postgres } from '../../support/postgres.js';
import { backups, database, queryIn, scene, type Scene } from './setup.js';

const RECORD = { provider: 'postgresql', format: 'pg_dump-custom', server_version: '15.1', size_bytes: 1, extensions: [] as string[] } as unknown as BackupRecord;
const obstaclesOf = (s: Scene, more: Partial<BackupRecord> = {}) => backups.restoreObstacles(s.target, { ...RECORD, ...more });
/** As the superuser, in the database of the scene. */
const inside = async (s: Scene, sql: string) => queryIn(database.target((await postgres()).adminUrl).withDatabase(s.db.name), sql);

test('an ordinary database of an ordinary role has none', async () => {
  const s = await scene({ sql: 'CREATE TABLE t (id int); CREATE EXTENSION IF NOT EXISTS pgcrypto' });
  expect(await obstaclesOf(s, { extensions: ['pgcrypto'] })).toEqual([]);
});

test('a logical replication slot, which would fill the disk', async () => {
  const s = await scene();
  const slot = `slot_${s.db.name}`;
  await inside(s, `SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
  expect(await obstaclesOf(s)).toEqual([expect.stringContaining(slot)]);
  await asAdmin('SELECT pg_drop_replication_slot($1)', [slot]);
});

test('a subscription', async () => {
  const s = await scene();
  await inside(s, `CREATE SUBSCRIPTION news CONNECTION 'host=127.0.0.1 dbname=nowhere' PUBLICATION p WITH (connect = false)`);
  expect(await obstaclesOf(s)).toEqual([expect.stringContaining('subscription news')]);
  await inside(s, 'ALTER SUBSCRIPTION news SET (slot_name = NONE)');
  await inside(s, 'DROP SUBSCRIPTION news');
});

test('a prepared transaction', async () => {
  const s = await scene();
  const session = await database.connect(s.target, 'test');
  for (const sql of ['BEGIN', 'CREATE TABLE t ()', "PREPARE TRANSACTION 'obstacle'"]) await session.query(sql);
  expect(await obstaclesOf(s)).toEqual([expect.stringMatching(/1 prepared transaction/)]);
  await session.query("ROLLBACK PREPARED 'obstacle'");
  await session.close();
});

test('a role that may not create databases, or does not own this one', async () => {
  const s = await scene();
  await asAdmin(`ALTER ROLE "${s.db.role.name}" NOCREATEDB`);
  expect(await obstaclesOf(s)).toEqual([expect.stringContaining('may not create databases')]);
  const other = await createDatabase();
  await asAdmin(`ALTER DATABASE "${s.db.name}" OWNER TO "${other.role.name}"`);
  expect(await obstaclesOf(s)).toContainEqual(`the role ${s.db.role.name} does not own the database, ${other.role.name} does`);
  await asAdmin(`ALTER DATABASE "${s.db.name}" OWNER TO "${s.db.role.name}"`);
});

test('settings that the role may not carry over', async () => {
  const s = await scene();
  const other = await createDatabase();
  await asAdmin(`ALTER DATABASE "${s.db.name}" SET log_statement = 'all'`);
  await asAdmin(`ALTER ROLE "${other.role.name}" IN DATABASE "${s.db.name}" SET work_mem = '7MB'`);
  expect(await obstaclesOf(s)).toEqual([expect.stringContaining(`the role ${other.role.name}`), expect.stringContaining('setting log_statement')]);
  await asAdmin(`ALTER ROLE "${other.role.name}" IN DATABASE "${s.db.name}" RESET ALL`);
});

test('sessions that the role may not end', async () => {
  const s = await scene();
  const session = await database.connect(database.target((await postgres()).adminUrl).withDatabase(s.db.name), 'test');
  expect(await obstaclesOf(s)).toEqual([expect.stringMatching(/sessions of the role postgres cannot be ended/)]);
  await session.close();
});

test('an extension that is not installed, or needs a superuser', async () => {
  const s = await scene();
  const found = await obstaclesOf(s, { extensions: ['no_such_thing', 'pg_stat_statements'] });
  expect(found).toEqual([expect.stringMatching(/no_such_thing .* not installed/), expect.stringMatching(/pg_stat_statements .* superuser/)]);
});

test('a backup of a newer server, and of another provider', async () => {
  const s = await scene();
  expect(await obstaclesOf(s, { server_version: '99.1' })).toEqual([expect.stringContaining('PostgreSQL 99, and the server is only 15')]);
  expect(await obstaclesOf(s, { provider: 'mysql' })).toEqual([expect.stringContaining('backup is of mysql')]);
});

test('too little disk, where it can be measured', async () => {
  const s = await scene({ role: 'superuser' });
  await s.db.drop();
  expect(await obstaclesOf(s, { size_bytes: 1e18 })).toEqual([expect.stringMatching(/the server has .* free, and the restored database needs about/)]);
});
