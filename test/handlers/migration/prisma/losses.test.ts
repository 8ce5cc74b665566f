/** Reverting without a person: only where nothing that anybody wrote is lost. */
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { FaberError } from '../../../../src/contract/failure.js';
import { bench, rawLedger, type Bench } from './support.js';
import type { ProjectMigration } from '../../../support/prisma-cli.js';

const TABLE = { up: 'CREATE TABLE t (id int PRIMARY KEY, a int)', down: 'DROP TABLE t' };
const careful = (b: Bench) => ({ ...b.context, refuseLosses: { operationId: 'op-1' } });

/** Applies both, lets others write, and reverts the second. */
async function revertAfter(second: ProjectMigration, others: string | null): Promise<string> {
  const b = await bench({ '001_t': TABLE, '002_x': second });
  await b.handler.apply(await b.find('001_t'), b.context);
  await b.db.query('INSERT INTO t VALUES (1, 1), (2, 2)');
  expect((await b.handler.apply(await b.find('002_x'), b.context)).status).toBe('applied');
  if (others !== null) await b.db.query(others);
  const outcome = await b.handler.revert(await b.find('002_x'), careful(b)).catch((error: unknown) => {
    if (!(error instanceof FaberError)) throw error;
    return { status: error.code };
  });
  const rolledBack = (await rawLedger(b.db)).filter((row) => row.rolled_back).map((row) => row.migration_name);
  expect(rolledBack).toEqual(outcome.status === 'reverted' ? ['002_x'] : []);
  return outcome.status;
}

describe('reverts by itself', () => {
  test.each<[title: string, second: ProjectMigration, others: string | null]>([
    ['an index', { up: 'CREATE INDEX i ON t (a)', down: 'DROP INDEX i' }, 'INSERT INTO t VALUES (3, 3)'],
    ['a table that nobody wrote to', { up: 'CREATE TABLE u (id int);\nINSERT INTO u VALUES (1);', down: 'DROP TABLE u' }, 'INSERT INTO t VALUES (3, 3)'],
    ['a column that it filled itself', { up: "ALTER TABLE t ADD COLUMN c text;\nUPDATE t SET c = 'x';", down: 'ALTER TABLE t DROP COLUMN c' }, null],
    ['a column with a default, while others write rows with that default', { up: "ALTER TABLE t ADD COLUMN c text NOT NULL DEFAULT 'it''s {x}, y'", down: 'ALTER TABLE t DROP COLUMN c' }, 'INSERT INTO t VALUES (3, 3)'],
    ['a new column, while others write rows without it', { up: 'ALTER TABLE t ADD COLUMN c text', down: 'ALTER TABLE t DROP COLUMN c' }, 'INSERT INTO t VALUES (3, 3)'],
  ])('%s', async (_title, second, others) => {
    expect(await revertAfter(second, others)).toBe('reverted');
  });
});

describe('refuses and changes nothing', () => {
  test.each<[title: string, second: ProjectMigration, others: string | null]>([
    ['a table with a row of others', { up: 'CREATE TABLE u (id int)', down: 'DROP TABLE u' }, 'INSERT INTO u VALUES (1)'],
    ['a column with a value of others', { up: 'ALTER TABLE t ADD COLUMN c text', down: 'ALTER TABLE t DROP COLUMN c' }, "UPDATE t SET c = 'x' WHERE id = 1"],
    ['a column with a default and another value of others', { up: "ALTER TABLE t ADD COLUMN c text DEFAULT 'x'", down: 'ALTER TABLE t DROP COLUMN c' }, "UPDATE t SET c = 'y' WHERE id = 1"],
    ['a table that was there before', { up: 'ALTER TABLE t RENAME TO u', down: 'DROP TABLE u' }, null],
    ['an up script that removed a column', { up: 'ALTER TABLE t DROP COLUMN a', down: 'ALTER TABLE t ADD COLUMN a int' }, null],
    ['an up script that deleted rows', { up: 'DELETE FROM t WHERE id = 1', down: 'SELECT 1' }, null],
    ['an up script whose code is not seen', { up: 'DO $$ BEGIN DELETE FROM t; END $$', down: 'SELECT 1' }, null],
    ['a down script that deletes rows', { up: 'INSERT INTO t VALUES (7, 7)', down: 'DELETE FROM t WHERE id = 7' }, null],
    ['a down script that cascades', { up: 'CREATE TABLE u (id int)', down: 'DROP TABLE u CASCADE' }, null],
  ])('%s', async (_title, second, others) => {
    expect(await revertAfter(second, others)).toBe('would_lose_data');
  });

  test('a value of others in a row that a later migration of the operation rewrote', async () => {
    const b = await bench({
      '001_t': TABLE,
      '002_c': { up: 'ALTER TABLE t ADD COLUMN c text', down: 'ALTER TABLE t DROP COLUMN c' },
      '003_d': { up: 'ALTER TABLE t ADD COLUMN d int;\nUPDATE t SET d = 1;', down: 'ALTER TABLE t DROP COLUMN d' },
    });
    await b.handler.apply(await b.find('001_t'), b.context);
    await b.handler.apply(await b.find('002_c'), b.context);
    await b.db.query("INSERT INTO t VALUES (1, 1, 'told to be saved')");
    await b.handler.apply(await b.find('003_d'), b.context);
    expect((await b.handler.revert(await b.find('003_d'), careful(b))).status).toBe('reverted');
    await expect(b.handler.revert(await b.find('002_c'), careful(b))).rejects.toMatchObject({ code: 'would_lose_data' });
  });

  test('a writer whose transaction began before the migration and wrote after it', async () => {
    const b = await bench({ '001_t': TABLE, '002_u': { up: 'CREATE TABLE u (id int)', down: 'DROP TABLE u' } });
    await b.handler.apply(await b.find('001_t'), b.context);
    const writer = new pg.Client({ connectionString: b.url });
    await writer.connect();
    await writer.query('BEGIN; SELECT txid_current()');
    await b.handler.apply(await b.find('002_u'), b.context);
    await writer.query('INSERT INTO u VALUES (1); COMMIT');
    await writer.end();
    await expect(b.handler.revert(await b.find('002_u'), careful(b))).rejects.toMatchObject({ code: 'would_lose_data' });
  });

  test('without that care, a person may take the loss', async () => {
    const b = await bench({ '001_t': TABLE });
    await b.applyPending();
    await b.db.query('INSERT INTO t VALUES (1, 1)');
    expect((await b.handler.revert(await b.find('001_t'), b.context)).status).toBe('reverted');
    expect(await b.db.query("SELECT to_regclass('t') IS NULL AS gone")).toEqual([{ gone: true }]);
  });

  test('rows that another operation wrote count as written by others', async () => {
    const b = await bench({ '001_t': { ...TABLE, up: `${TABLE.up};\nINSERT INTO t VALUES (1, 1);` } });
    await b.applyPending();
    const other = { ...(await b.takeOver('op-2')), refuseLosses: { operationId: 'op-2' } };
    await expect(b.handler.revert(await b.find('001_t'), other)).rejects.toMatchObject({ code: 'would_lose_data' });
  });
});

test('a down that fails leaves the migration applied, with line and statement', async () => {
  const b = await bench({ '001_t': { up: 'CREATE TABLE t (id int)', down: 'DROP TABLE t;\nDROP TABLE nowhere;' } });
  await b.applyPending();
  expect(await b.handler.revert(await b.find('001_t'), b.context)).toMatchObject({ status: 'failed', halfApplied: false, failure: { sqlState: '42P01', line: 2 } });
  expect((await b.status()).applied).toEqual(['001_t']);
  expect(await b.db.query("SELECT to_regclass('t') IS NULL AS gone")).toEqual([{ gone: false }]);
});

test('a migration without a down script is not reverted', async () => {
  const b = await bench({ '001_t': { up: 'SELECT 1' } });
  await b.applyPending();
  await expect(b.handler.revert(await b.find('001_t'), b.context)).rejects.toMatchObject({ code: 'unsupported' });
});
