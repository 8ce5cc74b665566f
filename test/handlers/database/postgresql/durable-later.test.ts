import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../../src/dev/postgres-server.js';
import { postgres } from '../../../support/postgres.js';
import { apply, database, scene, takeFence } from './support.js';

let server: PostgresServer;
beforeAll(async () => {
  // The log's writer sleeps, so that what nobody waited for is still in memory when the server is killed.
  server = await startPostgres((await postgres()).binDir, { synchronous_commit: 'on', wal_writer_delay: '10s' });
});
afterAll(() => server.stop());

test('what was made durable outlives a crash; what was not is lost whole, the latest first', async () => {
  const { target, query } = await scene({ server });
  const fence = await takeFence(target);
  const later = (name: string) => apply(target, fence, `CREATE TABLE ${name} (id int); INSERT INTO ${name} VALUES (1);`, { step: name, durableLater: true });
  await later('first');
  await later('second');
  await database.makeDurable(target, fence);
  await later('third');
  await later('fourth');
  await server.crash();
  await server.startAgain();
  const tables = await query<{ t: string }>("SELECT relname AS t FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY oid");
  const there = tables.map(({ t }) => t);
  expect(there.slice(0, 2)).toEqual(['first', 'second']);
  expect(['third', 'fourth'].slice(0, there.length - 2)).toEqual(there.slice(2));
  expect((await database.bookkeeping.steps(target, 'operation-1')).map((step) => step.migration)).toEqual(there);
});

test('a write of the application that was told saved takes along what stood before it', async () => {
  const { target, query } = await scene({ server });
  const fence = await takeFence(target);
  await apply(target, fence, 'CREATE TABLE orders (id int)', { step: 'orders', durableLater: true });
  await query('INSERT INTO orders VALUES (1)');
  await server.crash();
  await server.startAgain();
  expect(await query('SELECT id FROM orders')).toEqual([{ id: 1 }]);
});

test('where the server never waits for its disk, the end of the step does', async () => {
  const { target, query } = await scene({ server });
  await query(`ALTER DATABASE ${target.database} SET synchronous_commit = off`);
  const fence = await takeFence(target);
  await apply(target, fence, 'CREATE TABLE orders (id int)', { step: 'orders' });
  await database.makeDurable(target, fence);
  await server.crash();
  await server.startAgain();
  expect(await database.bookkeeping.steps(target, 'operation-1')).toHaveLength(1);
});

test('a step that another operation has taken over is told so, not made durable in its name', async () => {
  const { target } = await scene({ server });
  const late = await takeFence(target);
  await takeFence(target, 'operation-2');
  await expect(database.makeDurable(target, late)).rejects.toMatchObject({ code: 'fenced_off' });
});
