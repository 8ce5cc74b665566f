import { afterEach, describe, expect, test } from 'vitest';
import { asAdmin } from '../../../support/postgres.js';
import { bench as newBench, type Bench } from './support.js';

const PROJECT = {
  '001_t': {
    up: `CREATE TYPE mood AS ENUM ('a', 'b');
CREATE TABLE t (id int PRIMARY KEY, m mood DEFAULT 'a', CHECK (id > 0));
CREATE VIEW v AS SELECT id FROM t;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();`,
  },
  '002_i': { up: 'CREATE INDEX CONCURRENTLY t_m ON t (m) WHERE id > 10' },
};
const compared = (b: Bench) => b.migrations().then((migrations) => b.handler.compareSchema(migrations, b.target, b.context.settings, b.context.signal));

const owners: string[] = [];
const bench = async (project: Parameters<typeof newBench>[0]): Promise<Bench> => {
  const made = await newBench(project);
  owners.push(made.db.role.name);
  return made;
};

afterEach(async () => {
  // Of these tests' own roles: other files make scratch databases on the same server at the same time.
  expect(await asAdmin("SELECT datname FROM pg_database WHERE datname LIKE 'faber_db_scratch_%' AND pg_get_userbyid(datdba) = ANY ($1)", [owners])).toEqual([]);
});

describe('compares with what the migrations make', () => {
  test('and says nothing where it is the same', async () => {
    const b = await bench(PROJECT);
    await b.applyPending();
    expect(await compared(b)).toEqual([]);
  });

  test.each<[change: string, difference: string]>([
    ['ALTER TABLE t ADD COLUMN extra int', 'column public.t.extra: in the database, made by no migration'],
    ['DROP INDEX t_m', 'index public.t_m: made by the migrations, missing in the database'],
    ["ALTER TABLE t ALTER m SET DEFAULT 'b'", 'column public.t.m: differs from what the migrations make'],
    ["ALTER TYPE mood ADD VALUE 'c'", 'type public.mood: differs from what the migrations make'],
    ['ALTER TABLE t DISABLE TRIGGER g', 'trigger g on public.t: differs from what the migrations make'],
    ['CREATE OR REPLACE VIEW v AS SELECT id + 0 AS id FROM t', 'view public.v: differs from what the migrations make'],
    ['ALTER TABLE t DROP CONSTRAINT t_id_check', 'constraint t_id_check on public.t: made by the migrations, missing in the database'],
    ['ALTER TABLE t ENABLE ROW LEVEL SECURITY', 'table public.t: differs from what the migrations make'],
    ["CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", 'routine public.f(): differs from what the migrations make'],
    ['CREATE SCHEMA more', 'schema more: in the database, made by no migration'],
  ])('%s', async (change, difference) => {
    const b = await bench(PROJECT);
    await b.applyPending();
    await b.db.query(change);
    expect(await compared(b)).toEqual([difference]);
  });

  test('drops the scratch database that a killed worker left', async () => {
    const b = await bench({ '001_t': { up: 'CREATE TABLE t (id int)' } });
    const failing = { name: 'x', up: Buffer.from('SELECT pg_sleep(30)'), down: null, file: 'x/migration.sql' };
    const comparing = b.handler.compareSchema([failing], b.target, b.context.settings, b.context.signal).catch((error: unknown) => error);
    let scratch: string | undefined;
    while (scratch === undefined) {
      const rows = await asAdmin("SELECT datname FROM pg_stat_activity WHERE datname LIKE 'faber_db_scratch_%' AND query LIKE '%pg_sleep%' AND state = 'active' AND usename = $1", [b.db.role.name]);
      scratch = rows[0]?.datname as string | undefined;
    }
    // As a death would leave it: both sessions gone at once, so nobody is left to drop it.
    await asAdmin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ($1, $2) AND application_name LIKE 'faber-db%'", [scratch, b.db.name]);
    expect(await comparing).toBeInstanceOf(Error);
    expect(await asAdmin('SELECT 1 FROM pg_database WHERE datname = $1', [scratch])).toHaveLength(1);
    await b.applyPending();
    expect(await compared(b)).toEqual([]);
  });

  test('a migration that fails on an empty database is told with file and SQLSTATE, and the scratch database goes', async () => {
    const b = await bench({ '001_t': { up: 'CREATE TABLE t (id int);\nALTER TABLE nowhere ADD c int;' } });
    await expect(compared(b)).rejects.toMatchObject({ code: 'plan_failed', message: expect.stringMatching(/001_t\/migration\.sql fails on an empty database, line 2 \(42P01/) });
  });
});
