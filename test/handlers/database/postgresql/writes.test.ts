import { describe, expect, test } from 'vitest';
import { recordOwnTransactions } from '../../../../src/handlers/database/postgresql/own-transactions.js';
import { asAdmin } from '../../../support/postgres.js';
import { apply, applicationSession, database, scene, takeFence, type Scene } from './support.js';

// Transaction ids are counted for the whole server, and other test files write at the same time. So a proof is asked again
// until nobody interfered: what must hold is that it can be had, and that a write of ours always breaks it.
async function snapshotOf({ query }: Scene): Promise<{ xid: string }> {
  const [row] = await query<{ xid: string }>('SELECT pg_current_snapshot()::text AS xid');
  return row!;
}

async function provenAtLeastOnce(around: () => Promise<{ proven: boolean; reason: string }>): Promise<string> {
  let reason = '';
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const proof = await around();
    if (proof.proven) return proof.reason;
    reason = proof.reason;
  }
  return `never: ${reason}`;
}

describe('whether anybody wrote since a snapshot', () => {
  test('nobody: proven, with own steps, bookkeeping and rolled back work taken off', async () => {
    const shop = await scene();
    const { target, query } = shop;
    await query('CREATE TABLE customer (id int)');
    let round = 0;
    const reason = await provenAtLeastOnce(async () => {
      round += 1;
      const snapshot = await snapshotOf(shop);
      const fence = await takeFence(target, `operation-${round}`);
      await apply(target, fence, 'INSERT INTO customer VALUES (1)', { step: '1' });
      await apply(target, fence, 'INSERT INTO customer VALUES (2); SELECT 1/0', { step: '2' }).catch(() => {});
      await database.bookkeeping.end(target, fence, `operation-${round}`, { status: 'error' });
      return database.nothingWrittenSince(target, snapshot, `operation-${round}`);
    });
    expect(reason).toMatch(/^all \d+ transaction ids since the snapshot are own or rolled back$/);
  });

  test('a write of the application breaks the proof, one that was rolled back does not', async () => {
    const shop = await scene();
    await shop.query('CREATE TABLE customer (id int)');
    await takeFence(shop.target);
    const application = await applicationSession(shop.url);
    const rolledBack = await provenAtLeastOnce(async () => {
      const snapshot = await snapshotOf(shop);
      await application.query('BEGIN; INSERT INTO customer VALUES (1); ROLLBACK');
      return database.nothingWrittenSince(shop.target, snapshot, 'operation-1');
    });
    expect(rolledBack).toMatch(/^all /);
    const snapshot = await snapshotOf(shop);
    await application.query('INSERT INTO customer VALUES (1)');
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false, reason: expect.stringContaining('not known as own') });
  });

  test('a transaction that was open at the snapshot and committed later breaks it', async () => {
    const shop = await scene();
    await shop.query('CREATE TABLE customer (id int)');
    await takeFence(shop.target);
    const application = await applicationSession(shop.url);
    await application.query('BEGIN; INSERT INTO customer VALUES (1)');
    await asAdmin('SELECT txid_current()');
    const snapshot = await snapshotOf(shop);
    expect(snapshot.xid).toMatch(/:\d+$/);
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false, reason: expect.stringContaining('are open') });
    await application.query('COMMIT');
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false });
  });

  test('a transaction that has written and not yet committed breaks it', async () => {
    const shop = await scene();
    await shop.query('CREATE TABLE customer (id int)');
    await takeFence(shop.target);
    const snapshot = await snapshotOf(shop);
    const application = await applicationSession(shop.url);
    await application.query('BEGIN; INSERT INTO customer VALUES (1)');
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false });
    await application.query('ROLLBACK');
  });

  test('another operation of ours is somebody else', async () => {
    const shop = await scene();
    await shop.query('CREATE TABLE customer (id int)');
    const snapshot = await snapshotOf(shop);
    await takeFence(shop.target, 'other');
    expect(await database.nothingWrittenSince(shop.target, snapshot, 'operation-1')).toMatchObject({ proven: false });
  });

  test('transactions that the operation ran elsewhere can be told', async () => {
    const shop = await scene();
    await takeFence(shop.target);
    const reason = await provenAtLeastOnce(async () => {
      const snapshot = await snapshotOf(shop);
      const [elsewhere] = await asAdmin('SELECT txid_current()::text AS xid');
      await recordOwnTransactions(shop.target, 'operation-1', [String(elsewhere!['xid'])]);
      return database.nothingWrittenSince(shop.target, snapshot, 'operation-1');
    });
    expect(reason).toMatch(/^all /);
  });

  test('can be asked through a session when the database lets no other in', async () => {
    const shop = await scene();
    await takeFence(shop.target);
    const session = await database.connect(shop.target, 'swap');
    await asAdmin(`ALTER DATABASE "${shop.name}" ALLOW_CONNECTIONS false`);
    const through = await database.nothingWrittenSince(shop.target, { xid: '3:3:' }, 'operation-1', session);
    const without = await database.nothingWrittenSince(shop.target, { xid: '3:3:' }, 'operation-1');
    await session.close();
    expect(through.reason).toContain('since the snapshot');
    expect(without).toMatchObject({ proven: false, reason: expect.stringContaining('cannot be reached') });
  });

  test.each([['', 'does not say where'], ['x', 'does not say where'], ['99999999999:99999999999:', 'not of this server']])('a snapshot that cannot be judged (%s) proves nothing', async (xid, why) => {
    const { target } = await scene();
    await takeFence(target);
    expect(await database.nothingWrittenSince(target, { xid }, 'operation-1')).toEqual({ proven: false, reason: expect.stringContaining(why) });
  });

  test('without bookkeeping nothing is proven', async () => {
    const shop = await scene();
    expect(await database.nothingWrittenSince(shop.target, await snapshotOf(shop), 'operation-1')).toMatchObject({ proven: false, reason: expect.stringContaining('no record') });
  });
});

describe('writes held off', () => {
  const setting = async ({ name }: Scene) =>
    (await asAdmin("SELECT setconfig::text AS settings FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE setrole = 0 AND datname = $1", [name]))[0]?.['settings'] ?? null;

  test('the application is ended, its new sessions cannot write, and ours can', async () => {
    const shop = await scene();
    const { target, url, query } = shop;
    await query('CREATE TABLE customer (id int)');
    const application = await applicationSession(url);
    const fence = await takeFence(target);
    await database.holdWrites(target, fence, true);
    await expect(application.query('SELECT 1')).rejects.toThrow();
    await expect(query('INSERT INTO customer VALUES (1)')).rejects.toThrow('read-only');
    expect(await query('SELECT count(*)::int AS n FROM customer')).toEqual([{ n: 0 }]);
    await apply(target, fence, 'INSERT INTO customer VALUES (2)', { step: '1' });

    const readOnly = await applicationSession(url);
    await database.holdWrites(target, fence, false);
    // It would stay read-only as long as it lives, so it had to end.
    await expect(readOnly.query('SELECT 1')).rejects.toThrow();
    await query('INSERT INTO customer VALUES (3)');
    expect(await query('SELECT id FROM customer ORDER BY 1')).toEqual([{ id: 2 }, { id: 3 }]);
    expect(await setting(shop)).toBeNull();
  });

  test('held twice and let on twice is as once, with the value of before put back', async () => {
    const shop = await scene();
    await asAdmin(`ALTER DATABASE "${shop.name}" SET default_transaction_read_only = 'false'`);
    const before = await setting(shop);
    const fence = await takeFence(shop.target);
    await database.holdWrites(shop.target, fence, true);
    await database.holdWrites(shop.target, fence, true);
    expect(await setting(shop)).toBe('{default_transaction_read_only=on}');
    await database.holdWrites(shop.target, fence, false);
    await database.holdWrites(shop.target, fence, false);
    expect(await setting(shop)).toBe(before);
  });

  test('a session that may not be ended is reported, and nothing is held', async () => {
    const shop = await scene();
    const fence = await takeFence(shop.target);
    const admin = new URL(shop.url);
    await asAdmin(`CREATE ROLE "${shop.role.name}_other" LOGIN PASSWORD 'x'`);
    admin.username = `${shop.role.name}_other`;
    admin.password = 'x';
    const other = await applicationSession(admin.href);
    await expect(database.holdWrites(shop.target, fence, true)).rejects.toMatchObject({ code: 'lock_timeout', message: expect.stringContaining(`role ${shop.role.name}_other`) });
    expect(await setting(shop)).toBeNull();
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await other.end();
    await asAdmin(`DROP ROLE "${shop.role.name}_other"`);
  });

  test('a role whose own setting beats the one of the database is refused', async () => {
    const shop = await scene();
    const fence = await takeFence(shop.target);
    await asAdmin(`ALTER ROLE "${shop.role.name}" IN DATABASE "${shop.name}" SET default_transaction_read_only = off`);
    await expect(database.holdWrites(shop.target, fence, true)).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining(shop.role.name) });
    expect(await setting(shop)).toBeNull();
  });
});

test('the rows of each table are counted exactly, without bookkeeping', async () => {
  const { target, query } = await scene();
  await takeFence(target);
  await query('CREATE SCHEMA "odd ""schema"; CREATE TABLE "odd ""schema"."T" AS SELECT generate_series(1, 3) AS id; CREATE TABLE empty (id int)');
  await query('CREATE TABLE part (id int) PARTITION BY LIST (id); CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1); INSERT INTO part VALUES (1), (1)');
  expect(await database.tableCounts(target)).toEqual([
    { schema: 'odd "schema', table: 'T', rows: 3 },
    { schema: 'public', table: 'empty', rows: 0 },
    { schema: 'public', table: 'part_1', rows: 2 },
  ]);
});
