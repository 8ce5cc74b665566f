/** Exchanging the restored database with the one that serves: who connects where, and what each crash leaves. */
import pg from 'pg';
import { expect, test } from 'vitest';
import { FaberError } from '../../../src/contract/failure.js';
import { keptName, sideName } from '../../../src/handlers/database/postgresql/beside/side-names.js';
import { asAdmin, postgres } from '../../support/postgres.js';
import { backups, database, never, queryIn, scene, type Scene } from './setup.js';

const ID = 'backup-20260124-103000';
const allow = async () => undefined;
const op = { signal: never, lockTimeoutSeconds: 5, timeoutSeconds: 5 };

/** A database whose backup says `old`, which now says `new`, and a restore that waits beside it. */
async function ready(): Promise<Scene & { names: { live: string; side: string; kept: string } }> {
  const s = await scene({ sql: "CREATE TABLE t AS SELECT 'old' AS state" });
  await database.bookkeeping.ensure(s.target);
  const record = await backups.create(s.target, s.store, s.options(ID));
  await s.db.query("UPDATE t SET state = 'new'");
  await backups.restoreBeside(s.target, s.store, record, 'op-1', never);
  return { ...s, names: { live: s.db.name, side: sideName(s.db.name, 'op-1'), kept: keptName(s.db.name, 'op-1') } };
}

async function stateIn(s: Scene, name: string): Promise<string> {
  const [row] = await queryIn<{ state: string }>(s.target.withDatabase(name), 'SELECT state FROM t');
  return row!.state;
}

async function expectExchanged(s: Awaited<ReturnType<typeof ready>>): Promise<void> {
  expect(await stateIn(s, s.names.live)).toBe('old');
  expect(await stateIn(s, s.names.kept)).toBe('new');
  expect(await asAdmin('SELECT FROM pg_database WHERE datname = $1', [s.names.side])).toEqual([]);
}

async function expectUntouched(s: Awaited<ReturnType<typeof ready>>): Promise<void> {
  expect(await stateIn(s, s.names.live)).toBe('new');
  expect(await asAdmin('SELECT FROM pg_database WHERE datname = $1', [s.names.kept])).toEqual([]);
}

/** A client like an application's: when its session ends it connects again, at once and for ever. */
function reconnecting(url: string): { stop: () => Promise<void>; sessions: () => number } {
  let running = true;
  let sessions = 0;
  const loop = async () => {
    while (running) {
      const client = new pg.Client({ connectionString: url });
      const ended = new Promise<void>((resolve) => client.on('error', () => resolve()).on('end', () => resolve()));
      try {
        await client.connect();
        sessions++;
        while (running) await Promise.race([client.query('SELECT pg_sleep(0.05)'), ended.then(() => Promise.reject(new Error('ended')))]);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await client.end().catch(() => undefined);
    }
  };
  const loops = [1, 2, 3, 4].map(loop);
  return { sessions: () => sessions, stop: async () => ((running = false), void (await Promise.all(loops))) };
}

async function sessionsIn(name: string): Promise<number> {
  const [row] = await asAdmin('SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = $1 AND usename IS NOT NULL', [name]);
  return Number(row!['n']);
}

test('the name leads to the restored database, the replaced one is kept, and applications that keep reconnecting cannot stop it', async () => {
  const s = await ready();
  const application = reconnecting(s.db.url);
  while (application.sessions() < 4) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await backups.swap(s.target, 'op-1', allow, never)).toEqual({ kept_as: s.names.kept });
  while ((await sessionsIn(s.names.live)) < 4) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await sessionsIn(s.names.kept)).toBe(0);
  await application.stop();
  await expectExchanged(s);
});

test('a guard that refuses leaves everything as it was, and its error is what the caller sees', async () => {
  const s = await ready();
  const application = reconnecting(s.db.url);
  const refusal = new FaberError({ code: 'fenced_off', message: 'another operation has taken over' });
  await expect(backups.swap(s.target, 'op-1', () => Promise.reject(refusal), never)).rejects.toBe(refusal);
  await application.stop();
  await expectUntouched(s);
});

test('the guard sees the database after its last writer, in the only session there is', async () => {
  const s = await ready();
  const application = reconnecting(s.db.url);
  const seen: unknown[] = [];
  await backups.swap(s.target, 'op-1', async (replaced) => {
    seen.push((await replaced!.query<{ state: string }>('SELECT state FROM public.t'))[0]!.state);
    seen.push(await sessionsIn(s.names.live));
    await expect(s.db.query('SELECT 1')).rejects.toMatchObject({ code: '55000' });
  }, never);
  expect(seen).toEqual(['new', 1]);
  await application.stop();
  await expectExchanged(s);
});

const CRASHES: Record<string, (s: Awaited<ReturnType<typeof ready>>) => string[]> = {
  'after it had shut connections out': ({ names }) => [`ALTER DATABASE "${names.live}" ALLOW_CONNECTIONS false`],
  'after the renames': ({ names }) => [
    `ALTER DATABASE "${names.live}" ALLOW_CONNECTIONS false`,
    `ALTER DATABASE "${names.live}" RENAME TO "${names.kept}"`,
    `ALTER DATABASE "${names.side}" RENAME TO "${names.live}"`,
  ],
  'between two renames made by hand': ({ names }) => [
    `ALTER DATABASE "${names.live}" ALLOW_CONNECTIONS false`,
    `ALTER DATABASE "${names.live}" RENAME TO "${names.kept}"`,
  ],
};
for (const [where, steps] of Object.entries(CRASHES)) {
  test(`a swap that died ${where} is completed by the next call`, async () => {
    const s = await ready();
    for (const step of steps(s)) await asAdmin(step);
    expect(await backups.swap(s.target, 'op-1', allow, never)).toEqual({ kept_as: s.names.kept });
    await expectExchanged(s);
  });
}

test('cleanUp after a swap that died half-way lets the application in again and drops the restored copy', async () => {
  const s = await ready();
  await asAdmin(`ALTER DATABASE "${s.names.live}" ALLOW_CONNECTIONS false`);
  await backups.cleanUp(s.target, 'op-1');
  await expectUntouched(s);
  expect(await asAdmin('SELECT FROM pg_database WHERE datname = $1', [s.names.side])).toEqual([]);
  await backups.cleanUp(s.target, 'op-1');
});

test('cleanUp leaves a database closed that someone else has closed, and never drops the last copy', async () => {
  const s = await ready();
  await asAdmin(`ALTER DATABASE "${s.names.live}" RENAME TO "${s.names.kept}"`);
  await backups.cleanUp(s.target, 'op-1');
  expect(await stateIn(s, s.names.side)).toBe('old');
  await backups.swap(s.target, 'op-1', allow, never);
  await asAdmin(`ALTER DATABASE "${s.names.live}" ALLOW_CONNECTIONS false`);
  await backups.cleanUp(s.target, 'op-1');
  expect(await asAdmin('SELECT datallowconn FROM pg_database WHERE datname = $1', [s.names.live])).toEqual([{ datallowconn: false }]);
});

test('an attempt that stood still while the database was opened again exchanges nothing', async () => {
  const s = await ready();
  await expect(backups.swap(s.target, 'op-1', async () => {
    await asAdmin(`ALTER DATABASE "${s.names.live}" ALLOW_CONNECTIONS true`);
  }, never)).rejects.toMatchObject({ code: 'restore_failed', result: { reason: 'opened again' } });
  await expectUntouched(s);
});

test('an operation that another one has fenced off exchanges nothing', async () => {
  const s = await ready();
  await database.bookkeeping.takeFence(s.target, 'op-2', op);
  await expect(backups.swap(s.target, 'op-1', allow, never)).rejects.toMatchObject({ code: 'fenced_off', result: { holder: 'op-2' } });
  await expectUntouched(s);
});

test('a database whose every place is taken is exchanged all the same', async () => {
  const s = await ready();
  await asAdmin(`ALTER DATABASE "${s.names.live}" CONNECTION LIMIT 3`);
  const application = reconnecting(s.db.url);
  while ((await sessionsIn(s.names.live)) < 3) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await backups.swap(s.target, 'op-1', allow, never)).toEqual({ kept_as: s.names.kept });
  await application.stop();
  await expectExchanged(s);
});

test('without a restored database nothing happens', async () => {
  const s = await scene({ sql: "CREATE TABLE t AS SELECT 'new' AS state" });
  await expect(backups.swap(s.target, 'op-1', allow, never)).rejects.toMatchObject({ code: 'restore_failed' });
  expect(await stateIn(s, s.db.name)).toBe('new');
});

test('a prepared transaction and sessions of a mightier role stop it, and the database serves again', async () => {
  const s = await ready();
  const session = await database.connect(s.target, 'test');
  await session.query('BEGIN');
  await session.query('CREATE TABLE prepared ()');
  await session.query("PREPARE TRANSACTION 'held'");
  await expect(backups.swap(s.target, 'op-1', allow, never)).rejects.toMatchObject({ code: 'restore_failed' });
  await expectUntouched(s);
  await queryIn(s.target, "ROLLBACK PREPARED 'held'");
  const admin = await database.connect(database.target((await postgres()).adminUrl).withDatabase(s.names.live), 'test');
  await expect(backups.swap(s.target, 'op-1', allow, never)).rejects.toMatchObject({
    code: 'restore_failed', result: { roles: ['postgres'] }, suggestions: [expect.stringContaining('pg_signal_backend')],
  });
  await admin.close();
  await expectUntouched(s);
  await backups.swap(s.target, 'op-1', allow, never);
  await expectExchanged(s);
}, 120_000);

test('what an operation has done and whom the fence keeps out survives the swap; every holder has to take the fence again', async () => {
  const s = await ready();
  const fence = await database.bookkeeping.takeFence(s.target, 'op-1', op);
  const row = { operation_id: 'op-1', operation: 'restore', environment: 'production', request_digest: 'd', plan_hash: null, artifact: null, requested_by: 'ana' };
  await database.bookkeeping.begin(s.target, fence, row, 'production');
  const before = await database.bookkeeping.operation(s.target, 'op-1');
  await backups.swap(s.target, 'op-1', allow, never);
  expect(await database.bookkeeping.operation(s.target, 'op-1')).toEqual(before);
  expect((await database.identify(s.target)).marker).toBe('production');
  await expect(database.bookkeeping.end(s.target, fence, 'op-1', {})).rejects.toMatchObject({ code: 'fenced_off' });
  const after = await database.bookkeeping.takeFence(s.target, 'op-1', op);
  expect(BigInt(after.token)).toBeGreaterThan(BigInt(fence.token));
  await database.bookkeeping.end(s.target, after, 'op-1', { status: 'success' });
  await expectExchanged(s);
});
