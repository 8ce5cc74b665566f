/** Many migrations share a session, and still none sees what another left in it. */
import { expect, test } from 'vitest';
import { bench, rawLedger } from './support.js';

test('a hundred migrations run in few sessions, in order, and are read as applied', async () => {
  const names = Array.from({ length: 100 }, (_, index) => `${String(index).padStart(4, '0')}_m`);
  const project = Object.fromEntries(names.map((name, index) => [name, {
    up: index === 0 ? 'CREATE TABLE log (n serial, pid int)' : `INSERT INTO log (pid) VALUES (pg_backend_pid());\nCREATE TABLE t${index} (id int);`,
  }]));
  const b = await bench(project);
  const outcomes = await b.applyPending();
  expect(Object.keys(outcomes)).toEqual(names);
  const [sessions] = await b.db.query<{ pids: number }>('SELECT count(DISTINCT pid)::int AS pids FROM log');
  expect(sessions!.pids).toBeLessThan(10);
  expect((await rawLedger(b.db)).map((row) => row.migration_name)).toEqual(names);
  expect((await b.status()).pending).toEqual([]);
});

test('settings, temporary tables, prepared statements and locks of one script do not reach the next', async () => {
  const b = await bench({
    '001_leaves': {
      up: `CREATE TEMP TABLE left_over (id int);
SET search_path = pg_temp;
SET application_name = 'somebody else';
SET default_transaction_isolation = 'serializable';
PREPARE left_over AS SELECT 1;
SELECT pg_advisory_lock(4711);`,
    },
    '002_looks': {
      up: `CREATE TABLE public.seen AS SELECT to_regclass('left_over')::text AS temp, current_setting('search_path') AS path,
  current_setting('application_name') AS name, current_setting('transaction_isolation') AS isolation,
  (SELECT count(*)::int FROM pg_prepared_statements WHERE name = 'left_over') AS prepared,
  (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711) AS locks;`,
    },
  });
  expect(Object.values(await b.applyPending()).map(({ status }) => status)).toEqual(['applied', 'applied']);
  expect(await b.db.query('SELECT * FROM seen')).toEqual([
    { temp: null, path: expect.not.stringContaining('pg_temp'), name: expect.stringContaining('faber-db'), isolation: 'read committed', prepared: 0, locks: 0 },
  ]);
});
