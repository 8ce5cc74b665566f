/** `reset`: never where the environment is protected; elsewhere the database is rebuilt beside and the replaced one kept. */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, PlanSummary, SuccessResponse } from '../../src/contract/index.js';
import { eventually } from '../support/eventually.js';
import { migrateStatus, writeProject } from '../support/prisma-cli.js';
import { seedScript } from '../support/seed-script.js';
import type { Stack } from '../support/stack.js';
import { rowsIn } from '../support/rows-in.js';
import { createStacks } from '../support/stacks.js';
import { tempDir } from '../support/temp.js';

const INIT = '20260101000000_init';
const ROWS = 'SELECT id FROM t ORDER BY id';

describe('reset', () => {
  let stacks: Record<'shielded' | 'open', Stack>;
  let barriers: string;
  beforeAll(async () => {
    barriers = await tempDir();
    stacks = await createStacks({ shielded: { backup: { verify: 'checked' } }, open: {} }, { FABER_DB_TEST_BARRIERS: barriers });
    await Promise.all(Object.values(stacks).map((stack) => stack.migration(INIT, 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);', 'DROP TABLE t;')));
  });

  it.concurrent('is refused where the environment is protected, whatever is asked, and where the database is another one', async () => {
    const stack = stacks.shielded;
    const migrated = await stack.start('migrate');
    await migrated.approve();
    expect(await migrated.answer()).toMatchObject({ status: 'success' });
    for (const parameters of [{}, { dry_run: true }, { seed: true }, { adopt: `postgresql:1/${stack.database.name}` }]) {
      expect(await (await stack.start('reset', parameters)).answer()).toMatchObject({ status: 'error', code: 'environment_protected', error: expect.stringContaining('it is never reset; nothing was changed') as string });
    }
    // dev is not protected, but its URL leads to production.
    expect(await (await stack.start('reset', { environment: 'dev' })).answer()).toMatchObject({ status: 'error', code: 'target_mismatch', result: { marker: 'production' } });
    expect(await stack.database.query(ROWS)).toEqual([{ id: 1 }]);
    expect(await databasesOf(stack)).toEqual([]);
  });

  it.concurrent('rebuilds with all migrations and the seed, keeps the replaced database, and changes nothing when it fails', async () => {
    const stack = stacks.open;
    const dev = { environment: 'dev' };
    expect(await (await stack.start('migrate', dev)).answer()).toMatchObject({ status: 'success' });
    await stack.database.query('INSERT INTO t VALUES (2), (3); CREATE TABLE made_by_hand (id int); INSERT INTO made_by_hand VALUES (1)');
    expect(await (await stack.start('reset', { ...dev, seed: true })).answer()).toMatchObject({ status: 'error', code: 'plan_failed', error: expect.stringContaining('has no seed') as string });

    const dry = (await (await stack.start('reset', { ...dev, dry_run: true })).answer()) as SuccessResponse;
    const { evidence } = dry.result['plan'] as PlanSummary;
    expect(evidence).toMatchObject({ risk: 'destructive', data_loss: expect.arrayContaining([{ table: 'public.t', column: null, rows: 3, exact: true }, { table: 'public.made_by_hand', column: null, rows: 1, exact: true }]) as unknown[] });

    await seedScript(stack, "await client.query('INSERT INTO t VALUES (50)'); process.exit(exists('well') ? 0 : 5);");
    const unseeded = (await (await stack.start('reset', { ...dev, seed: true })).answer()) as ErrorResponse;
    expect(unseeded).toMatchObject({ status: 'error', code: 'restore_failed', error: expect.stringContaining('still serves: The seed failed: it exited with code 5') as string });
    await stack.migration('20260102000000_bad', 'CREATE TABLE u (id int); SELECT 1/0;');
    expect(await (await stack.start('reset', dev)).answer()).toMatchObject({ status: 'error', code: 'migration_failed', result: { failed_migration: '20260102000000_bad', statement_line: 1 } });
    expect(await stack.database.query(ROWS)).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    expect(await databasesOf(stack)).toEqual([]);

    await stack.migration('20260102000000_bad', 'CREATE TABLE u (id int);', 'DROP TABLE u;');
    await seedScript(stack, "await client.query('INSERT INTO t VALUES (50)');");
    const operation = await stack.start('reset', { ...dev, seed: true }, { id: `reset-${stack.database.name}` });
    const answer = (await operation.answer()) as SuccessResponse;
    expect(answer).toMatchObject({ status: 'success', operation: 'reset', result: { migrations_applied: 2, seeded: true, health_check: 'passed' } });
    expect(await stack.database.query(ROWS)).toEqual([{ id: 1 }, { id: 50 }]);
    expect(await stack.database.query("SELECT to_regclass('made_by_hand') AS by_hand, (SELECT environment FROM faber_db.marker) AS marker")).toEqual([{ by_hand: null, marker: 'dev' }]);
    const kept = answer.result['replaced_database_kept_as'] as string;
    expect(await databasesOf(stack)).toEqual([kept]);
    expect(await rowsIn(stack, kept, ROWS)).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    // The CLI takes one config: that of the seed has no URL.
    await rm(join(stack.directory, 'prisma.config.ts'));
    await writeProject(stack.directory, {});
    expect(await migrateStatus(stack.directory, stack.database.url)).toMatchObject({ exitCode: 0 });
    // The same id once more is the same answer.
    expect(await (await stack.start('reset', { ...dev, seed: true }, { id: operation.id })).answer()).toEqual(answer);
    expect(await databasesOf(stack)).toEqual([kept]);

    // In the middle of the exchange it is done as a whole: a cancel then is too late, and is told so.
    await writeFile(join(barriers, 'swap-after-renames.stop'), '');
    const late = await stack.start('reset', dev);
    await eventually(() => readdir(barriers), (files) => files.includes('swap-after-renames.reached'));
    await late.handle.cancel();
    expect(await late.answer()).toMatchObject({ status: 'success', result: { health_check: 'skipped' }, message: expect.stringContaining('the cancel came too late') as string });
    expect(await stack.database.query(ROWS)).toEqual([{ id: 1 }]);
    expect(await databasesOf(stack)).toHaveLength(2);
  });
});

/** Databases that operations made. */
async function databasesOf(stack: Stack): Promise<unknown[]> {
  const rows = await stack.database.query<{ datname: string }>('SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = current_user AND datname <> current_database()');
  return rows.map(({ datname }) => datname);
}
