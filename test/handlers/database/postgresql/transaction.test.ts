import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { asAdmin } from '../../../support/postgres.js';
import { apply, applicationSession, changeOptions, database, scene, scriptFailure, takeFence, until } from './support.js';

test('the change, its step and the record are there together', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  await query('CREATE TABLE ledger (name text)');
  await database.inTransaction(
    target,
    fence,
    { ...changeOptions(), step: { migration: '1_customer', action: 'applied', ledgerId: 'row-1' } },
    (session) => session.script('CREATE TABLE customer (id int); INSERT INTO customer VALUES (1), (2);'),
    async (session) => void (await session.query('INSERT INTO public.ledger VALUES ($1)', ['1_customer'])),
  );
  expect(await query('SELECT count(*)::int AS n FROM customer')).toEqual([{ n: 2 }]);
  expect(await query('SELECT name FROM ledger')).toEqual([{ name: '1_customer' }]);
  expect(await database.bookkeeping.steps(target, 'operation-1')).toEqual([
    { operation_id: 'operation-1', migration: '1_customer', action: 'applied', ledger_id: 'row-1', xid: expect.stringMatching(/^\d+$/), at: expect.stringMatching(/Z$/) },
  ]);
});

test('a script that fails leaves nothing, neither its own nor the step', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  const failure = await scriptFailure(apply(target, fence, 'CREATE TABLE customer (id int);\nSELECT 1/0;', { step: '1_customer' }));
  expect(failure).toMatchObject({ sqlState: '22012', line: 2, statementIndex: 1, statement: 'SELECT ?/?', connectionLost: false });
  expect(await query("SELECT to_regclass('customer') AS t")).toEqual([{ t: null }]);
  expect(await database.bookkeeping.steps(target, 'operation-1')).toEqual([]);
});

test('an error of work that is not of the database passes, and nothing is left', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  class Enough extends Error {}
  const work = database.inTransaction(target, fence, changeOptions(), async (session) => {
    await session.script('CREATE TABLE customer (id int)');
    throw new Enough();
  }, async () => {});
  await expect(work).rejects.toBeInstanceOf(Enough);
  expect(await query("SELECT to_regclass('customer') AS t")).toEqual([{ t: null }]);
});

test('what a script sets does not reach the record', async () => {
  const { target, query, role } = await scene();
  const fence = await takeFence(target);
  await asAdmin(`CREATE ROLE "${role.name}_app"; GRANT "${role.name}_app" TO "${role.name}"`);
  try {
    let seen: unknown;
    await database.inTransaction(
      target,
      fence,
      changeOptions(),
      (session) => session.script(`SET ROLE "${role.name}_app"; SET search_path = nowhere; SET lock_timeout = '3h'; SET statement_timeout = 1;`),
      async (session) => {
        [seen] = await session.query("SELECT current_user::text AS role, current_setting('search_path') AS path, current_setting('lock_timeout') AS lock");
      },
    );
    expect(seen).toEqual({ role: role.name, path: '"$user", public', lock: expect.stringMatching(/^\d+ms$|^2s$/) });
  } finally {
    await asAdmin(`DROP ROLE "${role.name}_app"`);
  }
  expect(await query('SELECT count(*)::int AS n FROM faber_db.own_transactions WHERE what = $1', ['change'])).toEqual([{ n: 1 }]);
});

describe('a lock held by the application', () => {
  test('is waited for in short tries, until it is released', async () => {
    const { target, url, query } = await scene();
    const fence = await takeFence(target);
    await query('CREATE TABLE customer (id int)');
    const application = await applicationSession(url, 'shop-web');
    await application.query('BEGIN');
    await application.query("SELECT * FROM customer /* 'hunter2' */");
    const told: string[] = [];
    const change = apply(target, fence, 'ALTER TABLE customer ADD COLUMN name text', { onWait: (what) => told.push(what) });
    await until(() => told.some((line) => line.includes('trying again')));
    // Between two tries nobody queues behind the ALTER.
    await application.query('COMMIT');
    await change;
    expect(await query("SELECT count(*)::int AS n FROM pg_attribute WHERE attrelid = 'customer'::regclass AND attname = 'name'")).toEqual([{ n: 1 }]);
    expect(told.join('\n')).toMatch(/Waiting for a lock held by session \d+ \(role owner_\w+, application shop-web, idle in transaction/);
    expect(told.join('\n')).not.toContain('hunter2');
  });

  test('ends in lock_timeout that names who holds it, with nothing changed', async () => {
    const { target, url, query } = await scene();
    const fence = await takeFence(target);
    await query('CREATE TABLE customer (id int)');
    const application = await applicationSession(url, 'shop-web');
    await application.query('BEGIN; LOCK TABLE customer');
    const change = apply(target, fence, 'CREATE TABLE other (id int); ALTER TABLE customer ADD COLUMN name text', { lockTimeoutSeconds: 1 });
    await expect(change).rejects.toMatchObject({ code: 'lock_timeout', message: expect.stringContaining('application shop-web'), result: { sql_state: '55P03', statement: 'ALTER TABLE customer ADD COLUMN name text' } });
    await application.query('COMMIT');
    expect(await query("SELECT to_regclass('other') AS t")).toEqual([{ t: null }]);
  });
});

test('a deferred constraint that fails at COMMIT is told as such, and nothing is there', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  await query('CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)');
  const failure = await scriptFailure(apply(target, fence, 'INSERT INTO child VALUES (4711)', { step: '1_child' }));
  expect(failure).toMatchObject({ sqlState: '23503', line: null, statementIndex: null, statement: 'COMMIT', connectionLost: false, objects: { table: 'child', constraint: 'child_parent_fkey' } });
  expect(failure.message).toMatch(/^at COMMIT: insert or update on table "child" violates foreign key constraint/);
  expect(JSON.stringify({ ...failure, detail: '' })).not.toContain('4711');
  expect(failure.detail).toContain('4711');
  expect(await database.bookkeeping.steps(target, 'operation-1')).toEqual([]);
});

describe('a script that leaves the transaction is found out', () => {
  test.each([
    ['COMMIT', 'INSERT INTO note VALUES (1); COMMIT;'],
    ['COMMIT and a new BEGIN', 'INSERT INTO note VALUES (1); COMMIT; BEGIN; INSERT INTO note VALUES (2);'],
    ['ROLLBACK', 'ROLLBACK; INSERT INTO note VALUES (1);'],
  ])('%s', async (_, sql) => {
    const { target, query } = await scene();
    const fence = await takeFence(target);
    await query('CREATE TABLE note (id int)');
    const failure = await scriptFailure(apply(target, fence, sql, { step: '1_note' }));
    expect(failure).toMatchObject({ sqlState: '2D000', message: expect.stringContaining('ended the transaction by itself') });
    expect(await database.bookkeeping.steps(target, 'operation-1')).toEqual([]);
    expect(await query('SELECT count(*)::int AS n FROM note WHERE id = 2')).toEqual([{ n: 0 }]);
  });
});

test('work that swallows an error does not pass as committed', async () => {
  const { target } = await scene();
  const fence = await takeFence(target);
  const work = database.inTransaction(target, fence, changeOptions(), async () => {}, async (session) => void (await session.query('SELECT 1/0').catch(() => {})));
  expect(await scriptFailure(work)).toMatchObject({ sqlState: '25P02', connectionLost: false });
});

test('an abort cancels what runs, waits for its end, and gives the reason', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  const controller = new AbortController();
  const change = apply(target, fence, 'CREATE TABLE customer (id int); SELECT pg_sleep(60);', { signal: controller.signal });
  await until(async () => (await running(query)).length === 1);
  const reason = new Error('the operator cancelled');
  controller.abort(reason);
  await expect(change).rejects.toBe(reason);
  expect(await running(query)).toEqual([]);
  expect(await query("SELECT to_regclass('customer') AS t")).toEqual([{ t: null }]);
});

test('an abort while a lock is waited for ends the waiting', async () => {
  const { target, url, query } = await scene();
  const fence = await takeFence(target);
  await query('CREATE TABLE customer (id int)');
  const application = await applicationSession(url);
  await application.query('BEGIN; LOCK TABLE customer');
  const controller = new AbortController();
  const change = apply(target, fence, 'ALTER TABLE customer ADD COLUMN name text', { signal: controller.signal });
  await sleep(200);
  controller.abort(new Error('enough'));
  await expect(change).rejects.toThrow('enough');
});

test('a transaction that takes too long is cancelled, told apart from an abort', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  const failure = await scriptFailure(apply(target, fence, "CREATE TABLE customer (id int);\nSELECT pg_sleep(60), 'hunter2';", { timeoutSeconds: 0.5 }));
  expect(failure).toMatchObject({ sqlState: '57014', message: 'it ran longer than 0.5 seconds and was cancelled', line: 2, statementIndex: 1, connectionLost: false });
  expect(failure.statement).toBe('SELECT pg_sleep(?), ?');
  expect(await running(query)).toEqual([]);
});

test('a session that the server ends is a lost connection, whose outcome the caller must read', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  const change = scriptFailure(apply(target, fence, 'CREATE TABLE customer (id int); SELECT pg_sleep(60);'));
  await until(async () => (await running(query)).length === 1);
  await query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'faber-db change%' AND datname = current_database()");
  expect(await change).toMatchObject({ sqlState: '57P01', connectionLost: true });
  expect(await query("SELECT to_regclass('customer') AS t")).toEqual([{ t: null }]);
});

function running(query: (sql: string) => Promise<unknown[]>): Promise<unknown[]> {
  return query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND application_name LIKE 'faber-db change%' AND query LIKE '%pg_sleep%'");
}

test('nothing of one script reaches the next: settings, role, temporary tables, prepared statements, advisory locks', async () => {
  const { target, query, role } = await scene();
  const fence = await takeFence(target);
  await asAdmin(`CREATE ROLE "${role.name}_app"; GRANT "${role.name}_app" TO "${role.name}"`);
  await apply(target, fence, `SET ROLE "${role.name}_app"; SET search_path = nowhere; SET statement_timeout = '7s'; CREATE TEMP TABLE shadow (id int); PREPARE p AS SELECT 1; SELECT pg_advisory_lock(4711)`);
  const seen: unknown[] = [];
  await database.inTransaction(target, fence, changeOptions(), async (session) => {
    seen.push(...(await session.query(`SELECT current_user::text AS role, current_setting('search_path') AS path, to_regclass('shadow') AS shadow,
      (SELECT count(*)::int FROM pg_prepared_statements WHERE name = 'p') AS prepared, (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711) AS locks,
      current_setting('default_transaction_read_only') AS read_only`)));
  }, async () => {});
  await asAdmin(`DROP ROLE "${role.name}_app"`);
  expect(seen).toEqual([{ role: role.name, path: '"$user", public', shadow: null, prepared: 0, locks: 0, read_only: 'off' }]);
  // And no session stays behind.
  await until(async () => (await query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'faber-db change%'")).length === 0);
});

test('hundreds of transactions share a session, which a failed one does not give back', async () => {
  const { target } = await scene();
  const fence = await takeFence(target);
  const used: number[] = [];
  const one = (sql: string) => database.inTransaction(target, fence, changeOptions(), async (session) => (used.push(session.id), session.script(sql)), async () => {});
  await one('SELECT 1');
  await one('SELECT 1');
  await one('SELECT 1/0').catch(() => {});
  await one('SELECT 1');
  expect(used[0]).toBe(used[1]);
  expect(used[1]).toBe(used[2]);
  expect(used[3]).not.toBe(used[0]);
});
