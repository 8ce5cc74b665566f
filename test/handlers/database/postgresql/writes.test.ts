import { describe, expect, test } from 'vitest';
import { asAdmin } from '../../../support/postgres.js';
import { apply, applicationSession, database, scene, takeFence, type Scene } from './support.js';

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
