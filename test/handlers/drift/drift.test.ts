import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { FaberError } from '../../../src/contract/failure.js';
import { asAdmin } from '../../support/postgres.js';
import { applied, findDrift, inShort, scratchesOf } from './support.js';

/** What few schemas hold, and pg_dump writes in ways of its own. */
const RARE = [
  'CREATE DOMAIN price AS numeric(10, 2) CHECK (VALUE >= 0)',
  'CREATE TYPE span AS RANGE (subtype = int4)',
  'CREATE TYPE pair AS (a int, "B b" text)',
  "CREATE COLLATION plain (provider = libc, locale = 'C')",
  'CREATE SEQUENCE tickets START 100 CACHE 5',
  'CREATE TABLE logs (at timestamptz NOT NULL, "order" int, what text, total int GENERATED ALWAYS AS ("order" * 2) STORED) PARTITION BY RANGE (at)',
  "CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
  'CREATE TABLE base (id int PRIMARY KEY, spot point, EXCLUDE USING gist (spot WITH ~=))',
  'CREATE TABLE child (extra text) INHERITS (base)',
  'ALTER TABLE base REPLICA IDENTITY FULL',
  'ALTER TABLE base ALTER COLUMN spot SET STATISTICS 500',
  'CREATE STATISTICS logs_what (dependencies) ON "order", what FROM logs',
  'CREATE RULE keep AS ON DELETE TO base DO INSTEAD NOTHING',
  'CREATE FUNCTION add_up(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT a + b; END',
  "CREATE PROCEDURE tidy(INOUT n int) LANGUAGE plpgsql AS 'BEGIN n := 1; END'",
  'CREATE AGGREGATE total(int) (SFUNC = add_up, STYPE = int, INITCOND = 0)',
  'CREATE OPERATOR <+> (FUNCTION = add_up, LEFTARG = int, RIGHTARG = int)',
  'CREATE MATERIALIZED VIEW sums AS SELECT sum("order") AS n FROM logs',
  'CREATE INDEX sums_n ON sums (n)',
  'CREATE TEXT SEARCH CONFIGURATION words (PARSER = default)',
  'ALTER TEXT SEARCH CONFIGURATION words ADD MAPPING FOR word WITH simple',
  'ALTER TABLE base ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
  'CREATE TRIGGER never BEFORE INSERT ON base FOR EACH STATEMENT EXECUTE FUNCTION suppress_redundant_updates_trigger()',
];

describe.concurrent('drift', () => {
  it('of what few schemas hold: none where migrations made it, each named where they did not', async ({ expect }) => {
    const made = await applied({ '001_rare': { up: `${RARE.join(';\n')};` } });
    expect(await findDrift(made)).toEqual({ differences: [], notes: [] });
    const b = await applied({ '001_t': { up: 'CREATE TABLE t (id int)' } });
    for (const statement of RARE) await b.db.query(statement);
    const found = await findDrift(b);
    // Constraints, policies, triggers and rules of a table are told with it.
    expect(found.differences.map(({ object }) => object)).toEqual([
      'ALTER TEXT SEARCH CONFIGURATION public.words ADD MAPPING FOR word WITH simple',
      'aggregate public.total(int4)',
      'collation public.plain',
      'domain public.price',
      'function public.add_up(int4, int4)',
      'index public.sums_n',
      'materialized view public.sums',
      'operator public.<+> (leftarg int4, rightarg int4)',
      'procedure public.tidy(int4)',
      'sequence public.tickets',
      'statistics public.logs_what',
      'table public.base',
      'table public.child',
      'table public.logs',
      'table public.logs_2026',
      'text search configuration public.words',
      'type public.pair',
      'type public.span',
    ]);
    expect(found.differences.map(({ difference }) => difference)).toEqual(found.differences.map(() => 'not_in_migrations'));
    expect(found.differences.find(({ object }) => object === 'table public.base')?.sql).toMatch(/EXCLUDE USING gist[\s\S]*CREATE RULE keep|CREATE RULE keep[\s\S]*EXCLUDE USING gist/);
  });

  it('is none where migrations made the schema, whoever owns what and whatever we remember in it', async ({ expect }) => {
    const b = await applied();
    await asAdmin(`GRANT pg_read_all_data TO ${b.db.role.name}`);
    await b.db.query('GRANT SELECT ON customer TO pg_monitor');
    await b.db.query("COMMENT ON TABLE customer IS 'who buys'");
    expect(await findDrift(b)).toEqual({ differences: [], notes: [] });
    expect(await scratchesOf(b.db.role.name)).toEqual([]);
  });

  it('shows everything that was done by hand, as SQL that does it', async ({ expect }) => {
    const b = await applied();
    const byHand = `
      DROP POLICY own ON customer;
      CREATE TABLE audit (id serial PRIMARY KEY, what text);
      CREATE INDEX audit_what ON audit (what);
      CREATE SCHEMA reporting;
      CREATE VIEW reporting.sums AS SELECT sum(price) AS sum FROM "Order";
      ALTER TABLE customer ADD COLUMN phone text DEFAULT 'none' NOT NULL;
      ALTER TABLE "Order" DROP COLUMN note;
      ALTER TABLE customer ALTER COLUMN email DROP NOT NULL, ALTER COLUMN email TYPE varchar(300);
      ALTER TABLE "Order" ALTER COLUMN price SET DEFAULT 1;
      ALTER TABLE "Order" DROP CONSTRAINT "Order_price_check", ADD CONSTRAINT "Order_price_check" CHECK (price > 0);
      DROP INDEX order_unpaid;
      CREATE INDEX order_unpaid ON "Order" (customer) WHERE paid;
      CREATE UNIQUE INDEX customer_email ON customer (email);
      ALTER TYPE mood ADD VALUE 'glad' BEFORE 'cross';
      CREATE OR REPLACE VIEW open_orders AS SELECT id, price FROM "Order" WHERE NOT paid AND price > 0;
      ALTER TABLE "Order" DISABLE TRIGGER touched;
      CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 'hunter2'; RETURN NULL; END $$;
      ALTER TABLE customer ENABLE ROW LEVEL SECURITY;`;
    for (const statement of byHand.split(/;\n/)) await b.db.query(statement);
    const found = await findDrift(b);
    expect(inShort(found)).toEqual([
      ['column public."Order".note', 'not_in_database', 'ALTER TABLE public."Order" DROP COLUMN note;'],
      ['column public."Order".price', 'changed', 'ALTER TABLE public."Order" ALTER COLUMN price SET DEFAULT 1;'],
      ['column public.customer.email', 'changed', 'ALTER TABLE public.customer ALTER COLUMN email TYPE character varying(300);\nALTER TABLE public.customer ALTER COLUMN email DROP NOT NULL;'],
      ['column public.customer.phone', 'not_in_migrations', "ALTER TABLE public.customer ADD COLUMN phone text DEFAULT 'none'::text NOT NULL;"],
      ['constraint "Order_price_check" on public."Order"', 'changed',
        'ALTER TABLE public."Order" DROP CONSTRAINT "Order_price_check";\nALTER TABLE public."Order" ADD CONSTRAINT "Order_price_check" CHECK ((price > (0)::numeric));'],
      ['function public.touch()', 'changed', expect.stringMatching(/^CREATE OR REPLACE FUNCTION public\.touch\(\)[\s\S]*PERFORM '…'; RETURN NULL/) as string],
      ['index public.customer_email', 'not_in_migrations', 'CREATE UNIQUE INDEX customer_email ON public.customer USING btree (email);'],
      ['index public.order_unpaid', 'changed', 'DROP INDEX public.order_unpaid;\nCREATE INDEX order_unpaid ON public."Order" USING btree (customer) WHERE paid;'],
      ['policy own on public.customer', 'not_in_database', 'DROP POLICY own ON public.customer;'],
      ['row level security of public.customer', 'not_in_migrations', 'ALTER TABLE public.customer ENABLE ROW LEVEL SECURITY;'],
      ['schema reporting', 'not_in_migrations', 'CREATE SCHEMA reporting;'],
      ['state of trigger touched on public."Order"', 'not_in_migrations', 'ALTER TABLE public."Order" DISABLE TRIGGER touched;'],
      ['table public.audit', 'not_in_migrations', expect.stringMatching(/^CREATE TABLE public\.audit[\s\S]*CREATE SEQUENCE public\.audit_id_seq[\s\S]*audit_pkey[\s\S]*CREATE INDEX audit_what/) as string],
      ['type public.mood', 'changed', "ALTER TYPE public.mood ADD VALUE 'glad' AFTER 'calm';"],
      ['view public.open_orders', 'changed', expect.stringMatching(/^CREATE OR REPLACE VIEW public\.open_orders/) as string],
      ['view reporting.sums', 'not_in_migrations', expect.stringContaining('sum("Order".price)') as string],
    ]);
    expect(JSON.stringify(found)).not.toContain('hunter2');
    expect(await scratchesOf(b.db.role.name)).toEqual([]);
  });

  it('is not what PostgreSQL rewrote in a restore, and is told beside it', async ({ expect }) => {
    const b = await applied();
    // As a restore writes `status IN (…)` over a varchar.
    await b.db.query(`ALTER TABLE customer DROP CONSTRAINT status_known, ADD CONSTRAINT status_known CHECK ((status)::text = ANY (ARRAY[('new'::varchar)::text, ('old'::varchar)::text]))`);
    expect(await findDrift(b)).toEqual({ differences: [], notes: [] });
    await b.db.query(`ALTER TABLE customer DROP CONSTRAINT status_known, ADD CONSTRAINT status_known CHECK (status IN ('new', 'gone'))`);
    expect(inShort(await findDrift(b))).toEqual([['constraint status_known on public.customer', 'changed', expect.stringContaining("'gone'") as string]]);
    expect(await scratchesOf(b.db.role.name)).toEqual([]);
  });

  it('of a role that may not create databases cannot be told, and how to allow it is', async ({ expect }) => {
    const b = await applied({ '001_t': { up: 'CREATE TABLE t (id int)' } });
    await asAdmin(`ALTER ROLE ${b.db.role.name} NOCREATEDB`);
    await expect(findDrift(b)).rejects.toMatchObject({
      code: 'unsupported', message: expect.stringContaining(`${b.db.role.name} may not create databases`) as string,
      suggestions: [`As a superuser: ALTER ROLE "${b.db.role.name}" CREATEDB`],
    });
  });

  it('of migrations that fail on an empty database is told with file, line and SQLSTATE', async ({ expect }) => {
    const b = await applied({ '001_t': { up: 'CREATE TABLE t (id int);\nALTER TABLE nowhere ADD c int;' } });
    await expect(findDrift(b)).rejects.toMatchObject({ code: 'plan_failed', message: expect.stringMatching(/001_t\/migration\.sql, line 2 fails on an empty database \(42P01/) as string });
    expect(await scratchesOf(b.db.role.name)).toEqual([]);
  });

  it('while a table is locked cannot be told, and says so within seconds', async ({ expect }) => {
    const b = await applied({ '001_t': { up: 'CREATE TABLE t (id int)' } });
    const application = new pg.Client({ connectionString: b.url });
    await application.connect();
    await application.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
    const error = await findDrift(b).catch((caught: unknown) => caught);
    await application.end();
    expect(error).toBeInstanceOf(FaberError);
    expect(error).toMatchObject({ code: 'lock_timeout' });
  });

  it('does not run again what reaches outside of the database', async ({ expect }) => {
    const role = `app_${Date.now()}`;
    const b = await applied({
      '001_t': {
        up: `CREATE TABLE t (id int);
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN EXECUTE 'CREATE ROLE ${role}'; END IF; END $$;
CREATE FUNCTION set_up() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ALTER ROLE ${role} SET statement_timeout = 1'; END $$;
SELECT set_up();`,
      },
    });
    // The owner could not create the role, so nothing was applied: what a scratch database would do is what matters here.
    const found = await findDrift(b);
    expect(await asAdmin('SELECT 1 FROM pg_roles WHERE rolname = $1', [role])).toEqual([]);
    expect(found.notes.map((note) => note.replace(/^.*prisma/, 'prisma'))).toEqual([
      'prisma/migrations/001_t/migration.sql line 2: a DO block that deals with roles, databases or other servers',
      'prisma/migrations/001_t/migration.sql line 4: a call of set_up',
    ]);
  });
});

describe('a scratch database', () => {
  const slow = { '001_t': { up: 'CREATE TABLE t (id int)' }, '002_slow': { up: 'SELECT pg_sleep(60)' } };
  const running = async (role: string) => {
    for (;;) {
      const [row] = await asAdmin("SELECT datname FROM pg_stat_activity WHERE datname LIKE 'faber_db_scratch_%' AND query LIKE '%pg_sleep%' AND state = 'active' AND usename = $1", [role]);
      if (row) return String(row['datname']);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  it('of a dead user is dropped by the next one, of a living one it is not', async () => {
    const b = await applied({ '001_t': slow['001_t'] });
    const dead = driftOf(b, slow);
    const left = await running(b.db.role.name);
    // As a death would leave it: all sessions gone at once, so nobody is left to drop it.
    await asAdmin(`ALTER ROLE ${b.db.role.name} NOLOGIN`);
    await asAdmin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", [b.db.role.name]);
    expect(await dead.ended).toBeInstanceOf(Error);
    await asAdmin(`ALTER ROLE ${b.db.role.name} LOGIN`);
    expect(await scratchesOf(b.db.role.name)).toEqual([left]);

    const alive = driftOf(b, slow);
    const used = await running(b.db.role.name);
    expect(await scratchesOf(b.db.role.name)).toEqual([used]);
    expect((await findDrift(b)).differences).toEqual([]);
    expect(await scratchesOf(b.db.role.name)).toEqual([used]);
    alive.stop();
    expect(await alive.ended).toBeInstanceOf(Error);
    expect(await scratchesOf(b.db.role.name)).toEqual([]);
  });

  function driftOf(b: Awaited<ReturnType<typeof applied>>, project: Record<string, { up: string }>): { ended: Promise<unknown>; stop(): void } {
    const stop = new AbortController();
    const migrations = Object.entries(project).map(([name, { up }]) => ({ name, up: Buffer.from(up), down: null, file: `${name}/migration.sql` }));
    return { ended: findDrift({ ...b, migrations: () => Promise.resolve(migrations) }, stop.signal).catch((error: unknown) => error), stop: () => stop.abort() };
  }
});
