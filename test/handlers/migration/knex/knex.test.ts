/** Knex's own ways: its config, its ledger and lock, migrations without a transaction, TypeScript. */
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../../../support/postgres.js';
import { knexBench, tables, up, type Bench } from '../program/support.js';

const CREATE = "await knex.raw('CREATE TABLE t (id int)');";
const ALONE = 'exports.config = { transaction: false };';

describe('a migration without a transaction', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await knexBench({
      'migrations/1_table.js': up(CREATE),
      'migrations/2_index.js': up("await knex.raw('CREATE INDEX CONCURRENTLY t_id ON t (id)');", ALONE),
      'migrations/3_reads.js': up("await knex.raw('SELECT * FROM t'); throw new Error('too soon');", ALONE),
      'migrations/4_undone.js': up("await knex.transaction(async (own) => { await own.raw('CREATE TABLE u (id int)'); throw new Error('taken back'); });", ALONE),
      'migrations/5_half.js': up("await knex.raw(\"INSERT INTO t VALUES (7)\"); await knex.raw('CREATE TABLE v (id int)'); process.exit(3);", ALONE),
    });
  });

  it('runs what no transaction can hold', async () => {
    expect((await bench.apply('1_table')).status).toBe('applied');
    expect((await bench.apply('2_index')).status).toBe('applied');
    expect((await bench.apply('2_index')).status).toBe('already');
  });

  it('that changed nothing before it failed is pending again, also where its own transaction was taken back', async () => {
    for (const name of ['3_reads', '4_undone']) {
      expect(await bench.apply(name)).toMatchObject({ status: 'failed', halfApplied: false });
      expect((await bench.status()).failed).toEqual([]);
    }
    expect(await tables(bench)).toEqual(['t']);
  });

  it('that failed in the middle says what ran, blocks, and is settled by a person', async () => {
    const outcome = await bench.apply('5_half');
    expect(outcome).toMatchObject({ status: 'failed', halfApplied: true, leftovers: ['ran: INSERT INTO t VALUES (?)', 'ran: CREATE TABLE v (id int)'] });
    expect((await bench.status()).failed.map(({ name }) => name)).toEqual(['5_half.js']);
    expect(await bench.apply('5_half')).toMatchObject({ status: 'failed', halfApplied: true });
    await expect(bench.tool.revert(await bench.find('5_half'), bench.context)).resolves.toMatchObject({ status: 'failed', halfApplied: true });
    const next = await bench.takeOver('op-2');
    // The killed program has left Knex's lock.
    expect((await bench.db.query('SELECT is_locked FROM knex_migrations_lock'))[0]).toEqual({ is_locked: 1 });
    await bench.tool.ensureLedger(next);
    expect((await bench.db.query('SELECT is_locked FROM knex_migrations_lock'))[0]).toEqual({ is_locked: 0 });
    await bench.tool.resolve(await bench.find('5_half'), 'applied', next);
    expect(await bench.status()).toMatchObject({ failed: [], applied: ['1_table.js', '2_index.js', '5_half.js'] });
    expect((await bench.database.bookkeeping.steps(bench.target, 'op-2')).map(({ action }) => action)).not.toContain('applied');
  });
});

it('what it leaves is what Knex itself would: its own migrator sees the same', async () => {
  const bench = await knexBench({ 'migrations/1_table.js': up(CREATE), 'migrations/2_more.js': up("await knex.raw('CREATE TABLE u (id int)');").replace('EXISTS t', 'EXISTS u') });
  await bench.applyPending();
  await bench.tool.revert(await bench.find('2_more'), bench.context);
  const factory = createRequire(import.meta.url)('knex') as (config: object) => Knex;
  const own = factory({ client: 'pg', connection: bench.db.url, migrations: { directory: join(bench.root, 'migrations') } });
  try {
    const [completed, pending] = (await own.migrate.list()) as [{ name: string }[], { file: string }[]];
    expect(completed.map(({ name }) => name)).toEqual(['1_table.js']);
    expect(pending.map(({ file }) => file)).toEqual(['2_more.js']);
    await own.migrate.latest();
    expect((await bench.status()).applied).toEqual(['1_table.js', '2_more.js']);
  } finally {
    await own.destroy();
  }
});

it('a config that leads to another database is refused before anything is sent there', async () => {
  const other = await createDatabase();
  const bench = await knexBench({ 'migrations/1_table.js': up(CREATE) });
  await bench.files({ 'knexfile.js': `module.exports = { client: 'pg', connection: ${JSON.stringify(other.url)} };` });
  await expect(bench.apply('1_table')).rejects.toMatchObject({ code: 'target_mismatch' });
  expect(await other.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")).toEqual([]);
});

it('a file that was changed since the plan is not run', async () => {
  const bench = await knexBench({ 'migrations/1_table.js': up(CREATE) });
  const planned = await bench.find('1_table');
  for (const file of ['migrations/1_table.js', 'knexfile.js']) {
    const before = await readFile(join(bench.root, file), 'utf8');
    await writeFile(join(bench.root, file), `${before}\n// edited`);
    expect(await bench.tool.apply(planned, bench.context)).toMatchObject({ status: 'failed', failure: { message: expect.stringMatching(/not as it was/) } });
    await writeFile(join(bench.root, file), before);
  }
  expect(await tables(bench)).toEqual([]);
});

it('TypeScript and ES modules run, for several environments, and see only what the config names', async () => {
  const bench = await knexBench({
    'package.json': '{ "type": "module" }',
    'knexfile.js': 'throw new Error("the other one");',
    'config/knexfile.ts': "import type { Knex } from 'knex';\nconst all: Record<string, Knex.Config> = { test: { client: 'pg', connection: process.env.DATABASE_URL, migrations: { directory: './steps', extension: 'ts' } }, live: {} };\nexport default all;\n",
    'config/steps/1_typed.ts': "import type { Knex } from 'knex';\nimport { named } from '../names.js';\nexport async function up(knex: Knex): Promise<void> {\n  await knex.schema.createTable('seen', (t) => t.string(named));\n  await knex('seen').insert(Object.keys(process.env).map((variable) => ({ [named]: variable })));\n}\nexport async function down(knex: Knex): Promise<void> {\n  await knex.schema.dropTable('seen');\n}\n",
    'config/names.ts': "export const named: string = 'variable';\n",
  });
  bench.settings.migrations.config_file = join(bench.root, 'config', 'knexfile.ts');
  process.env['OF_THE_WORKER'] = 'a secret';
  try {
    expect(await bench.apply('1_typed').then((outcome) => (outcome.status === 'failed' ? outcome.failure.message : outcome.status))).toBe('applied');
  } finally {
    delete process.env['OF_THE_WORKER'];
  }
  const seen = (await bench.db.query('SELECT variable FROM seen')).map(({ variable }) => variable);
  expect(seen).toContain('DATABASE_URL');
  expect(seen).not.toContain('OF_THE_WORKER');
  expect(seen.length).toBeLessThan(14);
});

it('what it sends is tried beside the database, classified by the grammar, and shown without values', async () => {
  const bench = await knexBench({
    'migrations/1_table.js': up(CREATE),
    'migrations/2_drops.js': up("await knex.raw('ALTER TABLE t DROP COLUMN id'); await knex('t').count(); await knex.raw(\"CREATE ROLE of_nobody PASSWORD 'hidden'\");"),
  });
  await bench.apply('1_table');
  const input = { undone: [], operationId: 'op-1', signal: bench.context.signal, onProgress: () => {} };
  const [, drops] = await bench.tool.tryOut!(await bench.migrations(), bench.target, bench.settings, input);
  const found = await bench.tool.classify(drops!);
  expect(found).toMatchObject({ transaction: 'transactional', undo: 'lossy', risk: 'destructive' });
  const messages = found.findings.map(({ message }) => message).join('\n');
  expect(messages).toMatch(/ALTER TABLE t DROP COLUMN id/);
  expect(messages).toMatch(/reads rows/);
  expect(messages).not.toMatch(/hidden/);
  expect(found.findings.some(({ kind }) => kind === 'drop_column')).toBe(true);
  expect(await bench.db.query("SELECT FROM pg_roles WHERE rolname = 'of_nobody'")).toEqual([]);
});

it('undoes by itself only what is proven to lose nothing', async () => {
  const bench = await knexBench({ 'migrations/1_table.js': up(CREATE), 'migrations/2_more.js': up("await knex.raw('CREATE TABLE u (id int)');") });
  const input = { undone: [], operationId: 'op-1', signal: bench.context.signal, onProgress: () => {} };
  const [first, untried] = await bench.migrations();
  const [tried] = await bench.tool.tryOut!([first!, untried!], bench.target, bench.settings, input);
  await bench.tool.apply(tried!, bench.context);
  await bench.tool.apply(untried!, bench.context);
  const onlyLossless = { ...bench.context, refuseLosses: { operationId: 'op-1' } };
  await expect(bench.tool.revert(untried!, onlyLossless)).rejects.toMatchObject({ code: 'would_lose_data' });
  expect(await bench.tool.revert(tried!, onlyLossless)).toMatchObject({ status: 'reverted' });
  expect(await tables(bench)).toEqual(['u']);
});
