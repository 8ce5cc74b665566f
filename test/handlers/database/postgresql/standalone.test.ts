import { expect, test } from 'vitest';
import { applicationSession, changeOptions, database, scene, scriptFailure, takeFence, until } from './support.js';

test('runs what no transaction can hold', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  await query('CREATE TABLE customer (id int)');
  await database.standalone(target, fence, changeOptions(), 'CREATE INDEX CONCURRENTLY customer_id ON customer (id);');
  await database.standalone(target, fence, changeOptions(), 'VACUUM customer');
  await database.standalone(target, fence, changeOptions(), 'BEGIN; INSERT INTO customer VALUES (1); COMMIT;');
  await database.standalone(target, fence, changeOptions(), 'DO $$ BEGIN COMMIT; END $$');
  expect(await query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'customer_id'::regclass")).toEqual([{ indisvalid: true }]);
  expect(await query('SELECT id FROM customer')).toEqual([{ id: 1 }]);
});

test('waits for a lock without a limit of its own, which would leave an INVALID index', async () => {
  const { target, url, query } = await scene();
  const fence = await takeFence(target);
  await query('CREATE TABLE customer (id int)');
  const application = await applicationSession(url, 'shop-web');
  await application.query('BEGIN; INSERT INTO customer VALUES (1)');
  const told: string[] = [];
  const build = database.standalone(target, fence, changeOptions({ lockTimeoutSeconds: 0.1, onWait: (what) => told.push(what) }), 'CREATE INDEX CONCURRENTLY customer_id ON customer (id)');
  await until(() => told.length > 2);
  await application.query('COMMIT');
  await build;
  expect(told[0]).toContain('application shop-web');
});

test('is cancelled after its time, with what failed', async () => {
  const { target, url, query } = await scene();
  const fence = await takeFence(target);
  await query('CREATE TABLE customer (id int)');
  const application = await applicationSession(url);
  await application.query('BEGIN; INSERT INTO customer VALUES (1)');
  const build = database.standalone(target, fence, changeOptions({ timeoutSeconds: 0.4 }), 'CREATE INDEX CONCURRENTLY customer_id ON customer (id)');
  expect(await scriptFailure(build)).toMatchObject({ sqlState: '57014', statement: 'CREATE INDEX CONCURRENTLY customer_id ON customer (id)', connectionLost: false });
  await application.query('COMMIT');
});

test('an abort cancels it and gives its reason', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  const controller = new AbortController();
  const run = database.standalone(target, fence, changeOptions({ signal: controller.signal }), 'SELECT pg_sleep(60)');
  const active = () => query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query = 'SELECT pg_sleep(60)'");
  await until(async () => (await active()).length === 1);
  controller.abort(new Error('enough'));
  await expect(run).rejects.toThrow('enough');
  expect(await active()).toEqual([]);
});

test('a transaction that the script left open is rolled back, and told', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  await query('CREATE TABLE customer (id int)');
  expect(await scriptFailure(database.standalone(target, fence, changeOptions(), 'BEGIN; INSERT INTO customer VALUES (1);'))).toMatchObject({ sqlState: '25001', message: expect.stringContaining('did not end it') });
  expect(await query('SELECT count(*)::int AS n FROM customer')).toEqual([{ n: 0 }]);
});

test('an unsupported provider is refused, naming those there are', async () => {
  const { databaseHandlers } = await import('../../../../src/handlers/database/index.js');
  expect(() => databaseHandlers('oracle' as never)).toThrow(expect.objectContaining({ code: 'unsupported', suggestions: [expect.stringContaining('postgresql')] }));
});
