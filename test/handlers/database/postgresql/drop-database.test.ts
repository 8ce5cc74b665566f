import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../../src/dev/postgres-server.js';
import { dropWhoeverIsIn } from '../../../../src/handlers/database/postgresql/drop-database.js';
import { postgres } from '../../../support/postgres.js';
import { applicationSession, database, scene, scriptFailure, until } from './support.js';

let server: PostgresServer;
beforeAll(async () => {
  // Autovacuum begins at once and works as slowly as it can.
  server = await startPostgres((await postgres()).binDir, {
    autovacuum_naptime: '1s', autovacuum_vacuum_cost_delay: '100ms', autovacuum_vacuum_cost_limit: '1', autovacuum_vacuum_insert_threshold: '10', autovacuum_analyze_threshold: '10',
  });
});
afterAll(() => server.stop());

test('drops a database in which autovacuum and an application are at work, as an ordinary role', async () => {
  const s = await scene({ server });
  await s.query('CREATE DATABASE beside');
  const beside = s.url.replace(/[^/]+$/, 'beside');
  const filling = await applicationSession(beside);
  await filling.query("CREATE TABLE big AS SELECT g, repeat('x', 200) FROM generate_series(1, 50000) g");
  // Tells autovacuum what was written at its end, not some seconds later.
  await filling.end();
  await applicationSession(beside);
  await until(async () => (await s.asAdmin("SELECT FROM pg_stat_activity WHERE datname = 'beside' AND backend_type = 'autovacuum worker'")).length > 0);
  const session = await database.connect(s.target, 'test');
  await dropWhoeverIsIn(session, 'beside');
  await dropWhoeverIsIn(session, 'beside');
  await session.close();
  expect(await s.query("SELECT FROM pg_database WHERE datname = 'beside'")).toEqual([]);
});

test('says so when the role may not drop it', async () => {
  const [s, other] = await Promise.all([scene({ server }), scene({ server })]);
  const session = await database.connect(s.target, 'test');
  expect(await scriptFailure(dropWhoeverIsIn(session, other.name))).toMatchObject({ sqlState: '42501' });
  await session.close();
});
