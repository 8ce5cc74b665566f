/** Hundreds of migrations as real projects have them: applied, broken, undone, rolled back and killed; the Prisma CLI agrees each time. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SuccessResponse } from '../../src/contract/index.js';
import { migrateStatus } from '../support/prisma-cli.js';
import { realShapes, type Shape } from '../support/real-shapes.js';
import { printedSeed, type Random } from '../support/seeded.js';
import { createStack, type Stack } from '../support/stack.js';
import { tempDir } from '../support/temp.js';
import { Barriers } from './barriers.js';

const APPLIED = 'SELECT migration_name AS name, count(*)::int AS times FROM _prisma_migrations WHERE rolled_back_at IS NULL AND finished_at IS NOT NULL GROUP BY 1 ORDER BY 1';

/** Where a migration can be struck, and how many of the 300 come there at least: three kills must find their place. */
const KILLED_AT: readonly [string, number][] = [
  ['before-script', 75], ['after-script', 75], ['after-commit', 75], ['standalone-before-script', 15], ['standalone-after-script', 15],
];

describe('real shapes', { timeout: 600_000 }, () => {
  let stack: Stack;
  let random: Random;
  let shapes: Shape[];
  let barriers: Barriers;
  beforeAll(async () => {
    random = printedSeed('real shapes');
    shapes = realShapes(random, 320);
    // Some of its down scripts delete rows, and other tests write to the same server: the undo is a restore that was accepted.
    const folder = await tempDir();
    barriers = new Barriers(folder);
    stack = await createStack({ env: { FABER_DB_TEST_BARRIERS: folder }, backup: { verify: 'checked' }, safety: { heartbeat_timeout_seconds: 5, on_failure: 'restore' } });
    await writeFile(join(stack.directory, 'prisma.config.mjs'), "export default { schema: 'prisma/schema.prisma', migrations: { path: 'prisma/migrations' }, datasource: { url: process.env.DATABASE_URL } };\n");
  });

  const write = async (from: number, to: number) => {
    for (const { name, up, down } of shapes.slice(from, to)) await stack.migration(name, up, down);
  };
  const run = async (operation: 'migrate' | 'rollback-to', parameters: Record<string, unknown> = {}) => {
    const started = await stack.start(operation, parameters);
    await started.approve();
    return started.answer();
  };
  /** The ledger, and what Prisma's own CLI says to it. */
  const agrees = async (upTo: number, pending: boolean) => {
    expect(await stack.database.query(APPLIED)).toEqual(shapes.slice(0, upTo).map(({ name }) => ({ name, times: 1 })));
    const { output } = await migrateStatus(stack.directory, stack.database.url);
    expect(output).toMatch(pending ? /have not yet been applied/ : /up to date/);
  };

  it('are applied, each once, also when the worker is killed in the middle of random ones', async () => {
    await write(0, 300);
    const kills = [0, 1, 2].map(() => {
      const [point, most] = random.pick(KILLED_AT);
      return { point, passes: random.below(most) };
    });
    console.info(`killed at ${kills.map(({ point, passes }) => `${point}, after ${passes} others`).join('; then at ')}`);
    const operation = await stack.start('migrate');
    await barriers.arm(kills[0]!.point, kills[0]!.passes);
    await operation.approve();
    for (const [at, { point }] of kills.entries()) {
      await barriers.reached(point, 240);
      await stack.killWorker();
      const next = kills[at + 1];
      if (next) await barriers.arm(next.point, next.passes);
      await stack.startWorker();
    }
    expect(await operation.answer()).toMatchObject({ status: 'success' });
    await agrees(300, false);
    expect(await stack.database.query('SELECT count(*)::int AS n FROM pg_index WHERE NOT indisvalid')).toEqual([{ n: 0 }]);
  });

  it('a release that breaks in the middle is undone, and the CLI finds the ledger as before', async () => {
    const at = 302 + random.below(15);
    await write(300, 320);
    await stack.migration(shapes[at]!.name, `${shapes[at]!.up}\nSELECT 1/0;`, shapes[at]!.down);
    const answer = await run('migrate');
    expect(answer).toMatchObject({ status: 'error', code: 'migration_failed', result: { failed_migration: shapes[at]!.name, rollback: { status: 'undone' } } });
    await agrees(300, true);
  });

  it('the mended release is applied, its last five are rolled back, and applied again', async () => {
    await write(300, 320);
    expect(await run('migrate')).toMatchObject({ status: 'success', result: { migrations_applied: 20 } });
    await agrees(320, false);
    expect((await run('rollback-to', { migration: shapes[314]!.name })) as SuccessResponse).toMatchObject({ status: 'success' });
    await agrees(315, true);
    expect(await run('migrate')).toMatchObject({ status: 'success', result: { migrations_applied: 5 } });
    await agrees(320, false);
  });
});
