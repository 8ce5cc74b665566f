import { execa } from 'execa';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { asAdmin, postgres } from '../../../support/postgres.js';
import { apply, applicationSession, changeOptions, database, scene, scriptFailure, takeFence, until } from './support.js';

test('the newer of two holders changes, the older is fenced off and changes nothing', async () => {
  const { target, query } = await scene();
  const older = await takeFence(target, 'older');
  const newer = await takeFence(target, 'newer');
  expect(BigInt(newer.token)).toBeGreaterThan(BigInt(older.token));
  await expect(apply(target, older, 'CREATE TABLE late (id int)')).rejects.toMatchObject({ code: 'fenced_off' });
  await expect(database.standalone(target, older, changeOptions(), 'CREATE TABLE late (id int)')).rejects.toMatchObject({ code: 'fenced_off' });
  await expect(database.holdWrites(target, older, true)).rejects.toMatchObject({ code: 'fenced_off' });
  const row = { operation_id: 'older', operation: 'migrate', environment: 'production', request_digest: 'd', plan_hash: null, artifact: null, requested_by: null };
  await expect(database.bookkeeping.begin(target, older, row, 'production')).rejects.toMatchObject({ code: 'fenced_off' });
  await apply(target, newer, 'CREATE TABLE early (id int)');
  expect(await query("SELECT to_regclass('late') AS late, to_regclass('early') AS early")).toEqual([{ late: null, early: 'early' }]);
});

test('a transaction that is running when the fence is taken ends without effect', async () => {
  const { target, query } = await scene();
  const older = await takeFence(target, 'older');
  const change = scriptFailure(apply(target, older, 'CREATE TABLE late (id int); SELECT pg_sleep(60);'));
  await until(async () => (await activeChanges(query)) === 1);
  await takeFence(target, 'newer');
  expect(await change).toMatchObject({ connectionLost: true });
  expect(await query("SELECT to_regclass('late') AS late")).toEqual([{ late: null }]);
});

test('a worker that stood still between BEGIN and COMMIT cannot commit after the fence was taken', async () => {
  const { target, query } = await scene();
  const older = await takeFence(target, 'older');
  let wakeUp = () => {};
  const asleep = new Promise<void>((resolve) => (wakeUp = resolve));
  let began = false;
  const change = database.inTransaction(target, older, changeOptions(), async (session) => {
    await session.script('CREATE TABLE late (id int)');
    began = true;
    await asleep;
  }, async () => {});
  const outcome = scriptFailure(change);
  await until(() => began);
  await takeFence(target, 'newer');
  wakeUp();
  expect(await outcome).toMatchObject({ connectionLost: true });
  expect(await query("SELECT to_regclass('late') AS late")).toEqual([{ late: null }]);
});

test('sessions of earlier holders are ended, backups and the application are not', async () => {
  const { target, url } = await scene();
  const orphan = await applicationSession(url, 'faber-db change some-operation');
  const restore = await applicationSession(url, 'faber-db restore');
  const backup = await applicationSession(url, 'faber-db read backup');
  const ledger = await applicationSession(url, 'faber-db ledger');
  const shop = await applicationSession(url, 'shop');
  await takeFence(target);
  for (const ended of [orphan, restore]) await expect(ended.query('SELECT 1')).rejects.toThrow();
  for (const alive of [backup, ledger, shop]) expect((await alive.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

test('a running CONCURRENTLY build is awaited, not ended', async () => {
  const { target, url, query } = await scene();
  const older = await takeFence(target, 'older');
  await query('CREATE TABLE customer (id int)');
  const application = await applicationSession(url, 'shop');
  await application.query('BEGIN; INSERT INTO customer VALUES (1)');
  const build = database.standalone(target, older, changeOptions(), 'CREATE INDEX CONCURRENTLY customer_id ON customer (id)');
  await until(async () => (await query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX%' AND state = 'active' AND pid <> pg_backend_pid()")).length === 1);
  const told: string[] = [];
  const taken = takeFence(target, 'newer', { onWait: (what) => told.push(what) });
  await until(() => told.length > 0);
  await application.query('COMMIT');
  await Promise.all([build, taken]);
  expect(told[0]).toContain('works CONCURRENTLY');
  expect(await query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'customer_id'::regclass")).toEqual([{ indisvalid: true }]);
});

test('a build that takes longer than the limit is reported, and goes on', async () => {
  const { target, url, query } = await scene();
  const older = await takeFence(target, 'older');
  await query('CREATE TABLE customer (id int)');
  const application = await applicationSession(url, 'shop');
  await application.query('BEGIN; INSERT INTO customer VALUES (1)');
  const build = database.standalone(target, older, changeOptions(), 'CREATE INDEX CONCURRENTLY customer_id ON customer (id)');
  await until(async () => (await activeChanges(query)) === 1);
  await expect(takeFence(target, 'newer', { timeoutSeconds: 0.5 })).rejects.toMatchObject({ code: 'lock_timeout', message: expect.stringContaining('works CONCURRENTLY') });
  await application.query('COMMIT');
  await build;
});

test('a session of a role that this one may not end is reported with the way out', async () => {
  const { target, name, role } = await scene();
  const admin = new URL((await postgres()).adminUrl);
  admin.pathname = `/${name}`;
  const foreign = await applicationSession(admin.href, 'faber-db change as-admin');
  await expect(takeFence(target, 'operation-1', { timeoutSeconds: 0.3 })).rejects.toMatchObject({
    code: 'lock_timeout',
    message: expect.stringContaining('may not end sessions of that role'),
    suggestions: [expect.stringContaining('pg_signal_backend')],
  });
  await foreign.end();
  expect(role.name).toContain('owner');
});

test('two that take it at once get different tokens, also on a database without bookkeeping', async () => {
  const { target } = await scene();
  const both = await Promise.allSettled([takeFence(target, 'one'), takeFence(target, 'two')]);
  // Each ends the other's sessions; whoever is ended finds out, and tries again as an activity would.
  const fences = await Promise.all(both.map(async (result, index) => (result.status === 'fulfilled' ? result.value : takeFence(target, `again-${index}`))));
  expect(new Set(fences.map(({ token }) => token)).size).toBe(2);
});

test('behind a pooler in transaction mode nothing is taken', async () => {
  const { url } = await scene();
  const target = database.target(`${url}?pgbouncer=true`);
  await expect(database.bookkeeping.takeFence(target, 'operation-1', changeOptions())).rejects.toMatchObject({ code: 'unsupported', suggestions: [expect.stringContaining('direct_connection_string_env')] });
});

test('an abort before or while waiting gives its reason', async () => {
  const { target, url, query } = await scene();
  await takeFence(target);
  const controller = new AbortController();
  const application = await applicationSession(url, 'shop');
  await application.query('BEGIN; SELECT * FROM faber_db.fence FOR UPDATE');
  const taken = takeFence(target, 'newer', { signal: controller.signal });
  await sleep(300);
  controller.abort(new Error('enough'));
  await expect(taken).rejects.toThrow('enough');
  expect(await query('SELECT operation_id FROM faber_db.fence')).toEqual([{ operation_id: 'operation-1' }]);
});

describe('the row locked by somebody who is not faber-db', () => {
  test('is waited for', async () => {
    const { target, url } = await scene();
    await takeFence(target);
    const application = await applicationSession(url, 'shop');
    await application.query('BEGIN; SELECT * FROM faber_db.fence FOR UPDATE');
    const told: string[] = [];
    const taken = takeFence(target, 'newer', { onWait: (what) => told.push(what) });
    await until(() => told.length > 0);
    await application.query('ROLLBACK');
    expect((await taken).operationId).toBe('newer');
  });

  test('for too long is a lock timeout', async () => {
    const { target, url } = await scene();
    await takeFence(target);
    const application = await applicationSession(url, 'shop');
    await application.query('BEGIN; SELECT * FROM faber_db.fence FOR UPDATE');
    await expect(takeFence(target, 'newer', { lockTimeoutSeconds: 0.2 })).rejects.toMatchObject({ code: 'lock_timeout', message: expect.stringContaining('faber_db.fence') });
  });
});

test('a backend whose worker was killed in the middle of a script ends by itself', async () => {
  const { target, query } = await scene();
  const fence = await takeFence(target);
  const { binDir } = await postgres();
  // psql stands for the worker: a process of its own, with the handler's own options.
  const [supported] = await query<{ ok: boolean }>("SELECT current_setting('client_connection_check_interval', true) IS NOT NULL AS ok");
  expect(supported).toEqual({ ok: true });
  const worker = execa(join(binDir, 'psql'), ['-Xqc', "SET client_connection_check_interval = '2s'; SELECT pg_sleep(600)"], { env: target.programEnvironment('faber-db change killed'), extendEnv: false, reject: false });
  await until(async () => (await activeChanges(query)) === 1);
  worker.kill('SIGKILL');
  await until(async () => (await activeChanges(query)) === 0);
  await worker;
  // The handler's sessions ask for the same.
  const seen: unknown[] = [];
  await database.inTransaction(target, fence, changeOptions(), async (session) => void seen.push(...(await session.query("SELECT current_setting('client_connection_check_interval') AS interval"))), async () => {});
  expect(seen).toEqual([{ interval: '2s' }]);
});

test('bookkeeping needs the right to create a schema, and says so', async () => {
  const { target, name, role } = await scene();
  await asAdmin(`ALTER DATABASE "${name}" OWNER TO CURRENT_USER`);
  await expect(database.bookkeeping.ensure(target)).rejects.toMatchObject({ code: 'unsupported', suggestions: [`As the owner: GRANT CREATE ON DATABASE "${name}" TO "${role.name}"`] });
});

async function activeChanges(query: (sql: string) => Promise<unknown[]>): Promise<number> {
  return (await query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND application_name LIKE 'faber-db change%'")).length;
}
