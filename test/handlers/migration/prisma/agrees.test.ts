/** The real Prisma CLI and this handler on the same databases. */
import { describe, expect, test } from 'vitest';
import { migrateDeploy, migrateResolve, migrateStatus, writeProject } from '../../../support/prisma-cli.js';
import { bench, rawLedger } from './support.js';
import { SHAPES } from './shapes.js';
import { createDatabase } from '../../../support/postgres.js';
import { driftHandlers } from '../../../../src/handlers/drift/index.js';

const UP_TO_DATE = 'Database schema is up to date';
const names = Object.keys(SHAPES);

describe('agreement with the Prisma CLI', () => {
  test('applies every shape, and the CLI says up to date; rows and schema are as its own', async () => {
    const ours = await bench(SHAPES);
    const outcomes = await ours.applyPending();
    expect(Object.values(outcomes).map(({ status }) => status)).toEqual(names.map(() => 'applied'));
    expect((await migrateStatus(ours.root, ours.url)).output).toContain(UP_TO_DATE);
    expect(await ours.db.query(`SELECT email, note, role::text FROM "User" ORDER BY id`)).toEqual([
      { email: "o'hara@example.com", note: `it's; "new"`, role: 'USER' }, { email: 'b;b@example.com', note: `it's; "new"`, role: 'USER' },
    ]);

    const theirs = await createDatabase();
    const deployed = await migrateDeploy(ours.root, theirs.url);
    expect(deployed.output).toContain('All migrations have been successfully applied');
    const withoutIds = (rows: Awaited<ReturnType<typeof rawLedger>>) => rows.map(({ id, ...row }) => ({ ...row, id: id.length }));
    expect(withoutIds(await rawLedger(ours.db))).toEqual(withoutIds(await rawLedger(theirs)));
    expect(await columnsOfLedger(ours.db.query)).toEqual(await columnsOfLedger(theirs.query));
    const { settings, signal } = ours.context;
    const drift = driftHandlers('postgresql', ours.database);
    expect(await drift.find({ target: ours.database.target(theirs.url), tool: ours.handler, settings, migrations: await ours.migrations(), id: 'agrees', signal })).toEqual({ differences: [], notes: [] });
  });

  test('goes on where the CLI stopped, and the CLI goes on where this stopped', async () => {
    const some = Object.fromEntries(names.slice(0, 3).map((name) => [name, SHAPES[name]!]));
    const { root, url, status, applyPending, find, handler, context } = await bench(some);
    expect((await migrateDeploy(root, url)).exitCode).toBe(0);
    expect((await status()).applied).toEqual(names.slice(0, 3));

    await writeProject(root, SHAPES);
    expect((await handler.apply(await find(names[3]!), context)).status).toBe('applied');
    expect((await handler.apply(await find(names[4]!), context)).status).toBe('applied');
    expect((await migrateDeploy(root, url)).output).toContain('All migrations have been successfully applied');
    expect((await status()).pending).toEqual([]);
    expect(await applyPending()).toEqual({});
    expect((await migrateStatus(root, url)).output).toContain(UP_TO_DATE);
  });

  test('keeps the ledger in the schema of ?schema=, as the CLI does', async () => {
    const { root, url, db, applyPending } = await bench({ '001_a': { up: 'CREATE TABLE here (id int)' }, '002_b': { up: 'CREATE INDEX CONCURRENTLY here_idx ON here (id)' } }, 'other');
    expect(Object.values(await applyPending()).map(({ status }) => status)).toEqual(['applied', 'applied']);
    expect(await db.query(`SELECT schemaname FROM pg_tables WHERE tablename IN ('here', '_prisma_migrations')`)).toEqual([{ schemaname: 'other' }, { schemaname: 'other' }]);
    expect((await migrateStatus(root, url)).output).toContain(UP_TO_DATE);
  });

  test('a failed migration leaves nothing, and does not block the CLI', async () => {
    const { root, url, db, applyPending } = await bench({
      '001_a': { up: 'CREATE TABLE t (id int)' },
      '002_b': { up: 'CREATE TABLE half (id int);\nINSERT INTO t VALUES (1);\nALTER TABLE nowhere ADD COLUMN x int;' },
      '003_c': { up: 'CREATE TABLE never (id int)' },
    });
    const outcomes = await applyPending();
    expect(outcomes).toEqual({ '001_a': expect.objectContaining({ status: 'applied' }), '002_b': expect.objectContaining({ status: 'failed', halfApplied: false }) });
    expect(outcomes['002_b']).toMatchObject({ failure: { sqlState: '42P01', line: 3, statementIndex: 2, connectionLost: false } });
    expect(await db.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`)).toEqual([{ tablename: '_prisma_migrations' }, { tablename: 't' }]);
    expect((await rawLedger(db)).map((row) => row.migration_name)).toEqual(['001_a']);
    const status = await migrateStatus(root, url);
    expect(status.output).toContain('have not yet been applied');
    expect(status.output).not.toContain('failed');
  });

  test('a reverted migration is pending for the CLI, which applies it again without P3009', async () => {
    const { root, url, db, applyPending, handler, context, find, status } = await bench({
      '001_a': { up: 'CREATE TABLE t (id int)' },
      '002_b': { up: 'ALTER TABLE t ADD COLUMN c int', down: 'ALTER TABLE t DROP COLUMN c' },
    });
    await applyPending();
    expect((await handler.revert(await find('002_b'), context)).status).toBe('reverted');
    expect((await handler.revert(await find('002_b'), context)).status).toBe('already');
    expect((await status()).pending).toEqual(['002_b']);
    expect((await migrateStatus(root, url)).output).toMatch(/have not yet been applied:\s+002_b/);
    expect((await migrateDeploy(root, url)).output).toContain('All migrations have been successfully applied');
    expect((await rawLedger(db)).map((row) => [row.migration_name, row.rolled_back])).toEqual([['001_a', false], ['002_b', true], ['002_b', false]]);
    expect((await migrateStatus(root, url)).output).toContain(UP_TO_DATE);
    expect((await status()).applied).toEqual(['001_a', '002_b']);
  });

  test.each(['applied', 'rolled_back'] as const)('settles a migration that the CLI failed (P3009) as %s, with the rows that the CLI writes', async (as) => {
    const project = { '001_a': { up: 'CREATE TABLE t (id int)' }, '002_b': { up: "SELECT 'topsecret'::int;" } };
    const [ours, theirs] = [await bench(project), await bench(project)];
    for (const { root, url } of [ours, theirs]) expect((await migrateDeploy(root, url)).exitCode).toBe(1);
    const { failed, pending } = await ours.status();
    expect(failed).toEqual([{ name: '002_b', started_at: expect.any(String), evidence: expect.stringContaining('never finished') }]);
    expect(JSON.stringify(failed)).not.toContain('topsecret');
    expect(pending).toEqual([]);
    await expect(ours.handler.apply(await ours.find('002_b'), ours.context)).rejects.toMatchObject({ code: 'history_conflict' });

    await ours.handler.resolve(await ours.find('002_b'), as, ours.context);
    await ours.handler.resolve(await ours.find('002_b'), as, ours.context);
    expect((await migrateResolve(theirs.root, theirs.url, as === 'applied' ? 'applied' : 'rolled-back', '002_b')).exitCode).toBe(0);
    const comparable = async ({ db }: typeof ours) => (await rawLedger(db)).map(({ id, ...row }) => ({ ...row, id: id.length }));
    expect(await comparable(ours)).toEqual(await comparable(theirs));
    expect((await ours.status()).pending).toEqual(as === 'applied' ? [] : ['002_b']);
    const { output } = await migrateStatus(ours.root, ours.url);
    expect(output).toContain(as === 'applied' ? UP_TO_DATE : 'have not yet been applied');
  });

  test('a baseline is what the CLI takes for applied, once however often it is made', async () => {
    const project = { '001_a': { up: 'CREATE TABLE t (id int)' }, '002_b': { up: 'CREATE TABLE u (id int)' } };
    const { root, url, db, handler, context, migrations, status } = await bench(project);
    await db.query('CREATE TABLE t (id int); CREATE TABLE u (id int)');
    await handler.baseline(await migrations(), context);
    await handler.baseline(await migrations(), context);
    expect((await rawLedger(db)).map((row) => [row.migration_name, row.applied_steps_count, row.finished])).toEqual([['001_a', 0, true], ['002_b', 0, true]]);
    expect((await status()).applied).toEqual(['001_a', '002_b']);
    expect((await migrateStatus(root, url)).output).toContain(UP_TO_DATE);
  });
});

/** Types, defaults and keys, in the order of the columns. */
async function columnsOfLedger(query: (sql: string) => Promise<unknown[]>): Promise<unknown[]> {
  return query(`SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull, pg_get_expr(d.adbin, d.adrelid) AS value,
      (SELECT string_agg(conname || ' ' || pg_get_constraintdef(oid), ',') FROM pg_constraint WHERE conrelid = a.attrelid) AS constraints
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = 'public._prisma_migrations'::regclass AND a.attnum > 0 ORDER BY a.attnum`);
}
