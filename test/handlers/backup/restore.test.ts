/** Restoring beside the database and putting it in its place. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { postgresTarget } from '../../../src/handlers/database/postgresql/connection-url.js';
import { asAdmin, postgres } from '../../support/postgres.js';
import { backups, database, never, queryIn, scene, type Scene } from './setup.js';

const ID = 'backup-20260124-103000';
const open = async () => undefined;

const OBJECTS = `
  CREATE EXTENSION IF NOT EXISTS pgcrypto;
  CREATE SCHEMA "Mixed Case";
  CREATE TYPE "Mixed Case".mood AS ENUM ('sad', 'it''s ok');
  CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
  CREATE SEQUENCE counter START 41;
  SELECT nextval('counter');
  CREATE TABLE parts (id bigint GENERATED ALWAYS AS IDENTITY, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE parts_2026 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  INSERT INTO parts (at) SELECT '2026-02-01' FROM generate_series(1, 7);
  CREATE TABLE "Mixed Case"."Tab""le" (id int PRIMARY KEY, mood "Mixed Case".mood, mail email, doc jsonb, raw bytea, twice int GENERATED ALWAYS AS (id * 2) STORED);
  INSERT INTO "Mixed Case"."Tab""le" VALUES (1, 'it''s ok', 'a@b', '{"a":[1,2]}', '\\x00ff', DEFAULT), (2, NULL, NULL, NULL, NULL, DEFAULT);
  CREATE INDEX partial ON "Mixed Case"."Tab""le" (mail) WHERE mood IS NOT NULL;
  CREATE VIEW seen AS SELECT id, twice FROM "Mixed Case"."Tab""le";
  CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS n FROM parts;
  CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN a + b; END $$;
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.doc = '{}'; RETURN NEW; END $$;
  CREATE TRIGGER touch BEFORE UPDATE ON "Mixed Case"."Tab""le" FOR EACH ROW EXECUTE FUNCTION touch();
  COMMENT ON TABLE parts IS 'it''s commented';
  SELECT lo_from_bytea(4711, '\\xdeadbeef');
  CREATE TABLE empty_one ();`;

/** The objects' definition as PostgreSQL writes it, without what differs between any two dumps. */
async function definition(url: string): Promise<string> {
  const { binDir } = await postgres();
  const text = execFileSync(`${binDir}/pg_dump`, ['--schema-only', '--exclude-schema=faber_db'], {
    env: { ...process.env, ...postgresTarget(database.target(url)).environment() }, encoding: 'utf8', maxBuffer: 1e8,
  });
  return text.split('\n').filter((line) => !/^(--|\\(un)?restrict)/.test(line)).join('\n');
}

async function restored(s: Scene, operationId = 'op-1'): Promise<string> {
  const record = await backups.create(s.target, s.store, s.options(ID));
  await backups.restoreBeside(s.target, s.store, record, operationId, never);
  return (await backups.swap(s.target, operationId, open, never)).kept_as!;
}

for (const as of ['owner', 'superuser'] as const) test(`brings back every kind of object, its data, and what belongs to the database itself, as ${as}`, async () => {
  const s = await scene({ sql: OBJECTS, role: as });
  const { name, role } = s.db;
  const reader = `reader_${name}`;
  await asAdmin(`CREATE ROLE "${reader}"`);
  await s.db.query(`GRANT SELECT ON parts TO "${reader}"`);
  await s.db.query(`REVOKE CONNECT ON DATABASE "${name}" FROM PUBLIC`);
  await s.db.query(`GRANT CONNECT ON DATABASE "${name}" TO "${reader}" WITH GRANT OPTION`);
  await s.db.query(`ALTER DATABASE "${name}" SET search_path = "Mixed Case", public`);
  if (as === 'superuser') await s.db.query(`ALTER DATABASE "${name}" SET app.greeting = 'it''s, "quoted"'`);
  await s.db.query(`ALTER ROLE "${role.name}" IN DATABASE "${name}" SET work_mem = '7MB'`);
  await s.db.query(`ALTER DATABASE "${name}" CONNECTION LIMIT 17`);
  await s.db.query(`COMMENT ON DATABASE "${name}" IS 'the shop''s'`);
  const facts = () => s.db.query<Record<string, unknown>>(`
    SELECT pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding, datcollate, datctype, datconnlimit, datacl::text, datallowconn,
           shobj_description(d.oid, 'pg_database') AS comment,
           (SELECT jsonb_agg(jsonb_build_array(setrole::regrole, setconfig) ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid) AS settings
      FROM pg_database d WHERE datname = current_database()`);
  const before = [await definition(s.db.url), await facts()];
  const kept = await restored(s);
  expect([await definition(s.db.url), await facts()]).toEqual(before);
  expect(await s.db.query('SELECT * FROM "Mixed Case"."Tab""le" ORDER BY id')).toHaveLength(2);
  expect(await s.db.query(`SELECT nextval('public.counter')::int AS n, (SELECT n::int FROM public.kept) AS kept, lo_get(4711) AS lo, public.add(1, 2),
    (SELECT reltuples::int FROM pg_class WHERE relname = 'parts_2026') AS planned`)).toEqual([
    { n: 42, kept: 7, lo: Buffer.from('deadbeef', 'hex'), add: 3, planned: 7 },
  ]);
  expect(kept).toMatch(new RegExp(`^${name}_replaced_[0-9a-f]{10}$`));
  // What names the role has to go before it can.
  for (const database of [name, kept]) await asAdmin(`DROP DATABASE "${database}" WITH (FORCE)`);
  await asAdmin(`DROP ROLE "${reader}"`);
});

for (const [what, prefix] of [['a name that needs quotes everywhere', `Sho"p's = \\ db é `], ['a name of 63 bytes', `${'long_'.repeat(11)}é_`]] as const) {
  test(`works for a database with ${what}`, async () => {
    const s = await scene({ name: `${prefix}${Math.random().toString(36).slice(2, 7)}` });
    await queryIn(s.target, 'CREATE TABLE t AS SELECT 1 AS n');
    const record = await backups.prove(s.target, s.store, await backups.create(s.target, s.store, s.options(ID)), never);
    const report = await backups.restoreBeside(s.target, s.store, record, 'op-1', never);
    const { kept_as } = await backups.swap(s.target, 'op-1', open, never);
    for (const name of [report.side_database, kept_as!]) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
    expect(await asAdmin('SELECT count(*)::int AS n FROM pg_database WHERE datname = ANY($1)', [[s.db.name, kept_as]])).toEqual([{ n: 2 }]);
    expect(await queryIn(s.target, 'SELECT n FROM t')).toEqual([{ n: 1 }]);
  });
}

test('works for an empty database', async () => {
  const s = await scene();
  await restored(s);
  expect(await s.db.query('SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = \'public\'::regnamespace')).toEqual([{ n: 0 }]);
});

test('brings back a database that is gone, with its grants and settings, from the backup alone', async () => {
  const s = await scene({ sql: 'CREATE TABLE t AS SELECT 1 AS n' });
  await s.db.query(`ALTER DATABASE "${s.db.name}" SET work_mem = '7MB'`);
  await s.db.query(`REVOKE CONNECT ON DATABASE "${s.db.name}" FROM PUBLIC`);
  const record = await backups.create(s.target, s.store, s.options(ID));
  await s.db.drop();
  expect(await backups.restoreObstacles(s.target, record)).toEqual([]);
  await backups.restoreBeside(s.target, s.store, record, 'op-1', never);
  const guarded: unknown[] = [];
  await backups.swap(s.target, 'op-1', async (replaced) => void guarded.push(replaced), never);
  expect(guarded).toEqual([null]);
  expect(await s.db.query("SELECT n, current_setting('work_mem') AS work_mem FROM t")).toEqual([{ n: 1, work_mem: '7MB' }]);
  expect(await asAdmin("SELECT has_database_privilege('public', $1, 'CONNECT') AS may", [s.db.name])).toEqual([{ may: false }]);
});

test('is not stopped by writes held off, and does not leave the restored database read-only', async () => {
  const s = await scene({ sql: 'CREATE TABLE t AS SELECT 1 AS n' });
  await database.bookkeeping.ensure(s.target);
  const fence = await database.bookkeeping.takeFence(s.target, 'op-1', { signal: never, lockTimeoutSeconds: 5, timeoutSeconds: 5 });
  await database.holdWrites(s.target, fence, true);
  await asAdmin(`ALTER ROLE "${s.db.role.name}" SET default_transaction_read_only = on`);
  await backups.prove(s.target, s.store, await backups.create(s.target, s.store, s.options(ID)), never);
  await restored({ ...s, options: (id) => s.options(`${id}-2`) });
  expect(await settingsOf(s)).toEqual([]);
  await database.holdWrites(s.target, await database.bookkeeping.takeFence(s.target, 'op-1', { signal: never, lockTimeoutSeconds: 5, timeoutSeconds: 5 }), false);
  expect(await settingsOf(s)).toEqual([]);
});

test('keeps a database read-only whose owner made it so', async () => {
  const s = await scene({ sql: 'CREATE TABLE t AS SELECT 1 AS n' });
  await s.db.query(`ALTER DATABASE "${s.db.name}" SET default_transaction_read_only = on`);
  await restored(s);
  expect(await settingsOf(s)).toEqual([{ setconfig: ['default_transaction_read_only=on'] }]);
});

const settingsOf = (s: Scene) =>
  asAdmin('SELECT setconfig FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE datname = $1', [s.db.name]);

test('run twice with the same id replaces what the first attempt left, and does nothing after the swap', async () => {
  const s = await scene({ sql: 'CREATE TABLE t AS SELECT 1 AS n' });
  const record = await backups.create(s.target, s.store, s.options(ID));
  const first = await backups.restoreBeside(s.target, s.store, record, 'op-1', never);
  const second = await backups.restoreBeside(s.target, s.store, record, 'op-1', never);
  expect(second.side_database).toBe(first.side_database);
  const swapped = await backups.swap(s.target, 'op-1', open, never);
  await s.db.query('INSERT INTO t VALUES (2)');
  await backups.restoreBeside(s.target, s.store, record, 'op-1', never);
  expect(await backups.swap(s.target, 'op-1', open, never)).toEqual(swapped);
  expect(await s.db.query('SELECT n FROM t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
});

test('that is cancelled leaves the serving database alone, and cleanUp removes the rest', async () => {
  const s = await scene({ sql: 'CREATE TABLE t AS SELECT g AS n FROM generate_series(1, 200000) g' });
  const record = await backups.create(s.target, s.store, s.options(ID));
  const cancel = new AbortController();
  const failing = expect(
    backups.restoreBeside(s.target, s.store, record, 'op-1', cancel.signal, (what) => what.startsWith('restoring') && setTimeout(() => cancel.abort(), 30)),
  ).rejects.toMatchObject({ code: 'restore_failed', message: expect.stringMatching(/cancelled\. .* was not changed/) });
  await failing;
  await backups.cleanUp(s.target, 'op-1');
  expect(await s.db.query('SELECT count(*)::int AS n FROM t')).toEqual([{ n: 200000 }]);
  expect(await asAdmin("SELECT datname FROM pg_database WHERE datname LIKE $1", [`${s.db.name}_%`])).toEqual([]);
});

test('the commands in the manifest restore the backup as printed, without faber-db', async () => {
  const s = await scene({ sql: OBJECTS, name: `It's "a" shop ${Math.random().toString(36).slice(2, 6)}` });
  const record = await backups.create(s.target, s.store, s.options(ID));
  const { binDir } = await postgres();
  const { PGDATABASE: _, ...environment } = postgresTarget(s.target).environment();
  execFileSync('sh', ['-e', '-c', record.restore_commands.join('\n')], { env: { PATH: `${binDir}:${process.env['PATH']}`, ...environment }, stdio: ['ignore', 'ignore', 'inherit'] });
  const restoredUrl = new URL(s.db.url);
  restoredUrl.pathname = `/${encodeURIComponent(`${s.db.name}_restored`)}`;
  expect(await definition(restoredUrl.href)).toBe(await definition(s.db.url));
  for (const secret of s.target.secrets) expect(record.restore_commands.join('\n')).not.toContain(secret);
});

test('a role that may not create databases is told so before and when it tries', async () => {
  const s = await scene({ sql: 'CREATE TABLE t AS SELECT 1 AS n' });
  const record = await backups.create(s.target, s.store, s.options(ID));
  await asAdmin(`ALTER ROLE "${s.db.role.name}" NOCREATEDB`);
  await expect(backups.preflight(s.target, s.settings, s.store)).rejects.toMatchObject({ code: 'backup_failed', message: expect.stringContaining('scratch database') });
  await expect(backups.prove(s.target, s.store, record, never)).rejects.toMatchObject({ code: 'backup_failed' });
  await expect(backups.restoreBeside(s.target, s.store, record, 'op-1', never)).rejects.toMatchObject({
    code: 'restore_failed', suggestions: [expect.stringContaining('CREATEDB')],
  });
});
