/** Restores in the states in which one is needed, through the real operation. */
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, SuccessResponse } from '../../src/contract/index.js';
import { asAdmin } from '../support/postgres.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const INIT = `
  CREATE TYPE state AS ENUM ('new', 'paid');
  CREATE TABLE customer (id serial PRIMARY KEY, email text UNIQUE, state varchar(10) CHECK (state IN ('new', 'paid')));
  CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES customer, state state NOT NULL);
  CREATE VIEW paid AS SELECT * FROM orders WHERE state = 'paid';
  INSERT INTO customer (email, state) SELECT 'c' || n || '@example.com', 'new' FROM generate_series(1, 500) n;
  INSERT INTO orders (customer, state) SELECT n, 'paid' FROM generate_series(1, 500) n;
  SELECT lo_from_bytea(0, 'kept');`;

/** All rows, in one number for each table. */
const CHECKSUM = `SELECT (SELECT md5(string_agg(c::text, ';' ORDER BY id)) FROM customer c) AS customer, (SELECT md5(string_agg(o::text, ';' ORDER BY id)) FROM orders o) AS orders,
  (SELECT count(*)::int FROM paid) AS paid, (SELECT count(*)::int FROM pg_largeobject_metadata) AS large_objects, (SELECT last_value::int FROM customer_id_seq) AS next`;

const NAMES = ['corrupted', 'emptied', 'readOnly', 'unprivileged'] as const;

describe('a restore', () => {
  let stacks: Record<(typeof NAMES)[number], Stack>;
  const backups = new Map<Stack, { id: string; checksum: unknown }>();
  beforeAll(async () => {
    stacks = await createStacks(Object.fromEntries(NAMES.map((name) => [name, {}])) as Record<(typeof NAMES)[number], object>);
    await Promise.all(Object.values(stacks).map(async (stack) => {
      await stack.migration('20260101000000_init', INIT, 'DROP VIEW paid; DROP TABLE orders, customer; DROP TYPE state;');
      expect(await run(stack, 'migrate')).toMatchObject({ status: 'success' });
      const made = (await (await stack.start('backup')).answer()) as SuccessResponse;
      expect(made).toMatchObject({ status: 'success', result: { level: 'proven' } });
      backups.set(stack, { id: made.result['backup_id'] as string, checksum: (await stack.database.query(CHECKSUM))[0] });
    }));
  });

  it.concurrent('of a database whose tables and ledger were dropped by hand brings all of it back, and keeps what was left', async () => {
    const stack = stacks.corrupted;
    await stack.database.query('DROP TABLE customer CASCADE; DROP TABLE _prisma_migrations; DELETE FROM orders WHERE id > 10; CREATE TABLE intruder ()');
    const kept = await restored(stack);
    expect(await inDatabase(stack, kept, 'SELECT count(*)::int AS n FROM orders')).toEqual([{ n: 10 }]);
    expect(await stack.database.query("SELECT to_regclass('intruder') AS there, count(*)::int AS applied FROM _prisma_migrations")).toEqual([{ there: null, applied: 1 }]);
    // The next release finds a database that it can go on with.
    await stack.migration('20260102000000_more', 'ALTER TABLE orders ADD COLUMN note text;', 'ALTER TABLE orders DROP COLUMN note;');
    expect(await run(stack, 'migrate')).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });
  });

  it.concurrent('of a database in which every schema was dropped, our own bookkeeping with them', async () => {
    const stack = stacks.emptied;
    await stack.database.query('DROP SCHEMA faber_db CASCADE; DROP SCHEMA public CASCADE');
    await restored(stack);
  });

  it.concurrent('of a database that takes no writes any more', async () => {
    const stack = stacks.readOnly;
    await stack.database.query(`ALTER DATABASE ${pg.escapeIdentifier(stack.database.name)} SET default_transaction_read_only = on`);
    const id = backups.get(stack)!.id;
    expect(await run(stack, 'restore', { backup_id: id })).toMatchObject({ status: 'success', result: { restored: id } });
    expect((await stack.database.query(CHECKSUM))[0]).toEqual(backups.get(stack)!.checksum);
  });

  it.concurrent('by a role without CREATEDB is refused when the plan is made, with the reason, and nothing is left', async () => {
    const stack = stacks.unprivileged;
    await asAdmin(`ALTER ROLE ${pg.escapeIdentifier(stack.database.role.name)} NOCREATEDB`);
    const operation = await stack.start('restore', { backup_id: backups.get(stack)!.id });
    const answer = (await operation.answer()) as ErrorResponse;
    expect(answer).toMatchObject({ status: 'error', code: 'restore_failed', error: expect.stringContaining('nothing was changed') as string });
    expect(JSON.stringify(answer)).toContain('may not create databases (CREATEDB)');
    expect(await asAdmin('SELECT datname FROM pg_database WHERE datname LIKE $1', [`${stack.database.name}\\_%`])).toEqual([]);
    expect((await stack.database.query(CHECKSUM))[0]).toEqual(backups.get(stack)!.checksum);
  });

  /** @returns the name of the replaced database */
  async function restored(stack: Stack): Promise<string> {
    const { id, checksum } = backups.get(stack)!;
    const answer = await run(stack, 'restore', { backup_id: id });
    expect(answer).toMatchObject({ status: 'success', result: { restored: id } });
    expect((await stack.database.query(CHECKSUM))[0]).toEqual(checksum);
    return (answer as SuccessResponse).result['replaced_database_kept_as'] as string;
  }
});

async function run(stack: Stack, name: 'migrate' | 'restore', parameters: Record<string, unknown> = {}) {
  const operation = await stack.start(name, parameters);
  await operation.approve();
  return operation.answer();
}

async function inDatabase(stack: Stack, database: string, sql: string): Promise<unknown[]> {
  const url = new URL(stack.database.url);
  url.pathname = `/${encodeURIComponent(database)}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
