/** What holds when a worker, a connection or another runner comes in between. */
import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { migrateStatus } from '../../../support/prisma-cli.js';
import { asAdmin } from '../../../support/postgres.js';
import { bench, rawLedger, type Bench } from './support.js';

const INDEX = { up: 'CREATE INDEX CONCURRENTLY t_a_idx ON t (a)', down: 'DROP INDEX CONCURRENTLY t_a_idx' };
const TABLE = { up: 'CREATE TABLE t (id int PRIMARY KEY, a int)' };

/** As a worker leaves it that was killed between the mark and the end of a standalone script. */
async function killedAfterMark({ db, find }: Bench, name: string): Promise<void> {
  const id = randomUUID();
  const checksum = createHash('sha256').update((await find(name)).up).digest('hex');
  await db.query('INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [id, checksum, name]);
  await db.query("INSERT INTO faber_db.steps (operation_id, migration, action, ledger_id) VALUES ('op-1', $1, 'started', $2)", [name, id]);
}

const steps = async ({ database, target }: Bench) => (await database.bookkeeping.steps(target, 'op-1')).map(({ migration, action }) => `${action} ${migration}`);
const indexes = ({ db }: Bench) => db.query<{ name: string; valid: boolean }>(
  `SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 't'::regclass AND NOT i.indisprimary`,
);

async function client(url: string): Promise<pg.Client> {
  const session = new pg.Client({ connectionString: url });
  session.on('error', () => {});
  await session.connect();
  onTestFinished(async () => { await session.end().catch(() => {}); });
  return session;
}

describe('a script in a transaction', () => {
  test('applied twice by the same operation, it runs once', async () => {
    const b = await bench({ '001_t': { up: 'CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);' } });
    const migration = await b.find('001_t');
    expect((await b.handler.apply(migration, b.context)).status).toBe('applied');
    expect((await b.handler.apply(migration, await b.takeOver('op-1'))).status).toBe('already');
    expect(await b.db.query('SELECT count(*)::int AS n FROM t')).toEqual([{ n: 1 }]);
    expect(await steps(b)).toEqual(['applied 001_t']);
  });

  test('refuses a migration that another runner applied with other bytes', async () => {
    const b = await bench({ '001_t': TABLE });
    await b.applyPending();
    const other = { ...(await b.find('001_t')), up: Buffer.from('SELECT 1') };
    await expect(b.handler.apply(other, b.context)).rejects.toMatchObject({ code: 'history_conflict' });
  });

  test('an old worker that wakes up after its fence was taken changes nothing', async () => {
    const b = await bench({ '001_t': TABLE });
    await b.takeOver('op-2');
    await expect(b.handler.apply(await b.find('001_t'), b.context)).rejects.toMatchObject({ code: 'fenced_off' });
    expect(await rawLedger(b.db)).toEqual([]);
  });

  test('waits for the Prisma CLI, and gives up with lock_timeout and nothing done', async () => {
    const b = await bench({ '001_t': TABLE });
    const cli = await client(b.url);
    await cli.query('SELECT pg_advisory_lock(72707369)');
    await expect(b.handler.apply(await b.find('001_t'), { ...b.context, lockTimeoutSeconds: 0.1 })).rejects.toMatchObject({ code: 'lock_timeout' });
    const applying = b.handler.apply(await b.find('001_t'), b.context);
    setTimeout(() => void cli.query('SELECT pg_advisory_unlock_all()'), 300);
    expect((await applying).status).toBe('applied');
  });

  test('a script that changes role and search_path does not lead the ledger astray', async () => {
    const b = await bench({ '001_s': { up: 'CREATE SCHEMA s;\nSET search_path = s;\nCREATE TABLE in_s (id int);' }, '002_p': { up: 'CREATE TABLE in_public (id int)' } });
    expect(Object.values(await b.applyPending()).map(({ status }) => status)).toEqual(['applied', 'applied']);
    expect(await b.db.query("SELECT schemaname || '.' || tablename AS t FROM pg_tables WHERE tablename LIKE 'in_%' ORDER BY 1")).toEqual([{ t: 'public.in_public' }, { t: 's.in_s' }]);
    expect((await rawLedger(b.db)).length).toBe(2);
  });

  test('a deferred constraint that fails at COMMIT leaves neither change nor row', async () => {
    const b = await bench({
      '001_t': { up: 'CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);' },
      '002_bad': { up: 'INSERT INTO c VALUES (7);' },
    });
    const outcomes = await b.applyPending();
    expect(outcomes['002_bad']).toMatchObject({ status: 'failed', halfApplied: false, failure: { sqlState: '23503' } });
    expect(JSON.stringify(outcomes['002_bad']).replace(/"detail":"(?:[^"\\]|\\.)*"/, '')).not.toContain('7)');
    expect(await b.db.query('SELECT count(*)::int AS n FROM c')).toEqual([{ n: 0 }]);
    expect((await rawLedger(b.db)).map((row) => row.migration_name)).toEqual(['001_t']);
  });

  test('its session ended by the server in the middle: told as lost, nothing there, and the next attempt applies it', async () => {
    const b = await bench({ '001_t': { up: 'CREATE TABLE t (id int);\nSELECT pg_sleep(0.8);' } });
    const applying = b.handler.apply(await b.find('001_t'), b.context);
    await endSessionOf(b, 'pg_sleep');
    expect(await applying).toMatchObject({ status: 'failed', failure: { connectionLost: true }, halfApplied: false });
    expect(await rawLedger(b.db)).toEqual([]);
    expect((await b.handler.apply(await b.find('001_t'), b.context)).status).toBe('applied');
  });
});

describe('a script outside a transaction', () => {
  test('is marked, run and finished; applied again, it is already there', async () => {
    const b = await bench({ '001_t': TABLE, '002_i': INDEX });
    await b.applyPending();
    expect(await indexes(b)).toEqual([{ name: 't_a_idx', valid: true }]);
    expect(await steps(b)).toEqual(['applied 001_t', 'started 002_i', 'applied 002_i']);
    expect((await b.handler.apply(await b.find('002_i'), b.context)).status).toBe('already');
  });

  test('killed after the mark, with nothing built: runs now', async () => {
    const b = await bench({ '001_t': TABLE, '002_i': INDEX });
    await b.handler.apply(await b.find('001_t'), b.context);
    await killedAfterMark(b, '002_i');
    expect((await b.handler.apply(await b.find('002_i'), await b.takeOver('op-1'))).status).toBe('applied');
    expect(await indexes(b)).toEqual([{ name: 't_a_idx', valid: true }]);
    expect((await rawLedger(b.db)).map((row) => row.finished)).toEqual([true, true]);
  });

  test('killed after the mark, with the index valid: is recorded, not run', async () => {
    const b = await bench({ '001_t': TABLE, '002_i': INDEX });
    await b.handler.apply(await b.find('001_t'), b.context);
    await killedAfterMark(b, '002_i');
    await b.db.query('CREATE INDEX t_a_idx ON t (a)');
    const before = await b.db.query("SELECT 't_a_idx'::regclass::oid AS oid");
    expect((await b.handler.apply(await b.find('002_i'), await b.takeOver('op-1'))).status).toBe('applied');
    expect(await b.db.query("SELECT 't_a_idx'::regclass::oid AS oid")).toEqual(before);
    expect((await migrateStatus(b.root, b.url)).output).toContain('Database schema is up to date');
  });

  test('killed after the mark, with the index INVALID: the left-over goes, and it is built anew', async () => {
    const b = await bench({ '001_t': TABLE, '002_i': INDEX });
    await b.handler.apply(await b.find('001_t'), b.context);
    await killedAfterMark(b, '002_i');
    await invalidIndex(b, 't_a_idx');
    expect((await b.handler.apply(await b.find('002_i'), await b.takeOver('op-1'))).status).toBe('applied');
    expect(await indexes(b)).toEqual([{ name: 't_a_idx', valid: true }]);
  });

  test('a failing build leaves no INVALID index and no row that blocks, and the next try works', async () => {
    const b = await bench({ '001_t': TABLE, '002_u': { up: 'CREATE UNIQUE INDEX CONCURRENTLY t_a_key ON t (a)' } });
    await b.handler.apply(await b.find('001_t'), b.context);
    await b.db.query('INSERT INTO t VALUES (1, 5), (2, 5)');
    expect(await b.handler.apply(await b.find('002_u'), b.context)).toMatchObject({ status: 'failed', halfApplied: false, failure: { sqlState: '23505', line: 1 } });
    expect(await indexes(b)).toEqual([]);
    expect((await migrateStatus(b.root, b.url)).output).toMatch(/have not yet been applied:\s+002_u/);
    await b.db.query('DELETE FROM t WHERE id = 2');
    expect((await b.handler.apply(await b.find('002_u'), b.context)).status).toBe('applied');
    expect((await rawLedger(b.db)).map((row) => [row.migration_name, row.finished, row.rolled_back])).toEqual([['001_t', true, false], ['002_u', false, true], ['002_u', true, false]]);
  });

  test('an INVALID index of another name is left alone', async () => {
    const b = await bench({ '001_t': TABLE, '002_i': INDEX });
    await b.handler.apply(await b.find('001_t'), b.context);
    await invalidIndex(b, 'somebody_elses');
    await b.handler.apply(await b.find('002_i'), b.context);
    expect(await indexes(b)).toContainEqual({ name: 'somebody_elses', valid: false });
  });

  test('a valid index that was there before does not pass for its work', async () => {
    const b = await bench({ '001_t': TABLE, '002_i': INDEX });
    await b.handler.apply(await b.find('001_t'), b.context);
    await b.db.query('CREATE INDEX t_a_idx ON t (id)');
    expect(await b.handler.apply(await b.find('002_i'), b.context)).toMatchObject({ status: 'failed', halfApplied: false, failure: { sqlState: '42P07' } });
    expect((await rawLedger(b.db)).map((row) => row.migration_name)).toEqual(['001_t']);
  });

  test('its session ended by the server in the middle of the build: decided by looking, and built by the next attempt', async () => {
    const b = await bench({ '001_t': TABLE, '002_i': INDEX });
    await b.handler.apply(await b.find('001_t'), b.context);
    const writer = await client(b.url);
    await writer.query('BEGIN; INSERT INTO t VALUES (9, 9)');
    const applying = b.handler.apply(await b.find('002_i'), b.context);
    await endSessionOf(b, 'CREATE INDEX CONCURRENTLY');
    await writer.query('COMMIT');
    expect(await applying).toMatchObject({ status: 'failed', halfApplied: false, failure: { connectionLost: true } });
    expect(await indexes(b)).toEqual([]);
    expect((await b.handler.apply(await b.find('002_i'), b.context)).status).toBe('applied');
    expect(await indexes(b)).toEqual([{ name: 't_a_idx', valid: true }]);
  });

  test('killed in a script that commits by itself: a person must look, and the CLI stops at it too', async () => {
    const b = await bench({ '001_own': { up: 'BEGIN;\nCREATE TABLE one (id int);\nCOMMIT;\nBEGIN;\nCREATE TABLE two (id int);\nCOMMIT;' } });
    await killedAfterMark(b, '001_own');
    const context = await b.takeOver('op-1');
    const outcome = await b.handler.apply(await b.find('001_own'), context);
    expect(outcome).toMatchObject({ status: 'failed', halfApplied: true, failure: { connectionLost: false }, leftovers: [expect.stringContaining('001_own')] });
    expect((await migrateStatus(b.root, b.url)).output).toContain('failed');
    await expect(b.handler.revert({ ...(await b.find('001_own')), down: Buffer.from('DROP TABLE one') }, context)).rejects.toMatchObject({ code: 'history_conflict' });
    expect(await b.handler.findObjects(await b.find('001_own'), b.target)).toEqual(['table one is not there', 'table two is not there']);
    await b.handler.resolve(await b.find('001_own'), 'rolled_back', context);
    expect((await b.handler.apply(await b.find('001_own'), context)).status).toBe('applied');
  });

  test('a script that commits by itself and fails in the middle is half applied, with line and statement', async () => {
    const b = await bench({ '001_own': { up: "BEGIN;\nCREATE TABLE one (id int);\nCOMMIT;\nINSERT INTO one VALUES ('sesame'::int);" } });
    const outcome = await b.handler.apply(await b.find('001_own'), b.context);
    expect(outcome).toMatchObject({ status: 'failed', halfApplied: true, failure: { sqlState: '22P02', line: 4 } });
    expect((await rawLedger(b.db))[0]).toMatchObject({ finished: false, logs: 'faber-db: SQLSTATE 22P02 (line 4)' });
    expect(await b.handler.findObjects(await b.find('001_own'), b.target)).toEqual(['table one is there']);
  });

  test('a row that another runner left is not taken for its own', async () => {
    const b = await bench({ '001_t': TABLE, '002_i': INDEX });
    await b.handler.apply(await b.find('001_t'), b.context);
    await b.db.query("INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', '002_i')");
    await expect(b.handler.apply(await b.find('002_i'), b.context)).rejects.toMatchObject({ code: 'history_conflict' });
  });

  test('a DO block that commits, VACUUM and procedures run and are recorded', async () => {
    const b = await bench({
      '001_t': { up: 'CREATE TABLE t (id int);\nCREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); END $$;' },
      '002_do': { up: 'DO $$ BEGIN INSERT INTO t VALUES (3); COMMIT; END $$;' },
      '003_call': { up: 'CALL fill();' },
      '004_vacuum': { up: 'VACUUM t;' },
    });
    expect(Object.values(await b.applyPending()).map(({ status }) => status)).toEqual(['applied', 'applied', 'applied', 'applied']);
    expect(await b.db.query('SELECT count(*)::int AS n FROM t')).toEqual([{ n: 3 }]);
    expect((await migrateStatus(b.root, b.url)).output).toContain('Database schema is up to date');
  });

  test('reverts by a down that no transaction can hold, once', async () => {
    const b = await bench({ '001_t': TABLE, '002_i': INDEX });
    await b.applyPending();
    expect((await b.handler.revert(await b.find('002_i'), { ...b.context, refuseLosses: { operationId: 'op-1' } })).status).toBe('reverted');
    expect(await indexes(b)).toEqual([]);
    expect((await b.handler.revert(await b.find('002_i'), b.context)).status).toBe('already');
    expect((await b.status()).pending).toEqual(['002_i']);
  });
});

/** An index as a failed CONCURRENTLY leaves it. */
async function invalidIndex({ db, url }: Bench, name: string): Promise<void> {
  await db.query('INSERT INTO t VALUES (101, 1), (102, 1)');
  const session = await client(url);
  await session.query(`CREATE UNIQUE INDEX CONCURRENTLY ${name} ON t (a)`).catch(() => {});
  await db.query('DELETE FROM t');
  const [row] = await db.query<{ valid: boolean }>('SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = $1::regclass', [name]);
  expect(row).toEqual({ valid: false });
}

/** Waits until a session of the bench runs such a query, and ends it as an administrator would. */
async function endSessionOf({ db }: Bench, words: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const rows = await asAdmin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND state = 'active' AND query LIKE '%' || $2 || '%' AND application_name LIKE 'faber-db change%'`,
      [db.name, words],
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  throw new Error(`no session ran ${words}`);
}
