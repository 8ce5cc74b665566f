/** `rollback`: the last migrations are undone by their down scripts, or by a restore where one is missing. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, OperationName, PlanSummary, SuccessResponse } from '../../src/contract/index.js';
import { migrateStatus, writeProject } from '../support/prisma-cli.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const INIT = '20260101000000_init';
const NOTES = '20260102000000_notes';
const ORDERS = '20260103000000_orders';

describe('rollback', () => {
  let stacks: Record<'downs' | 'missing' | 'fails', Stack>;
  beforeAll(async () => {
    const backup = { verify: 'checked' };
    stacks = await createStacks({ downs: { backup }, missing: { backup }, fails: { backup, safety: { on_failure: 'stop' } } });
    await Promise.all(Object.values(stacks).map(async (stack) => {
      await stack.migration(INIT, 'CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1), (2), (3);', 'DROP TABLE users;');
      expect(await run(stack, 'migrate')).toMatchObject({ status: 'success' });
    }));
  });

  it.concurrent('undoes the last ones newest first, says in rows what goes, and leaves a ledger that Prisma goes on with', async () => {
    const stack = stacks.downs;
    await stack.migration(NOTES, 'ALTER TABLE users ADD COLUMN note text;', 'ALTER TABLE users DROP COLUMN note;');
    await stack.migration(ORDERS, 'CREATE TABLE orders (id int PRIMARY KEY);', 'DROP TABLE orders;');
    expect(await run(stack, 'migrate')).toMatchObject({ status: 'success', result: { migrations_applied: 2 } });
    await stack.database.query("INSERT INTO orders SELECT n FROM generate_series(1, 7) n; UPDATE users SET note = 'kept' WHERE id < 3");

    const dry = (await (await stack.start('rollback', { steps: 2, dry_run: true })).answer()) as SuccessResponse;
    const plan = dry.result['plan'] as PlanSummary;
    expect(plan.migrations.map((m) => m.name)).toEqual([ORDERS, NOTES]);
    expect(plan.evidence.data_loss).toEqual([
      { table: 'orders', column: null, rows: 7, exact: true, migration: ORDERS },
      { table: 'users', column: 'note', rows: 2, exact: true, migration: NOTES },
    ]);
    expect(plan.evidence.losses).toEqual([`${ORDERS}: orders: 7 rows`, `${NOTES}: users, column note: 2 values`]);
    expect(await stack.database.query('SELECT count(*)::int AS n FROM orders')).toEqual([{ n: 7 }]);

    const one = (await run(stack, 'rollback', {}, 'rollback-once')) as SuccessResponse;
    expect(one).toMatchObject({ status: 'success', operation: 'rollback', result: { migrations_reverted: 1, reverted: [ORDERS], by: 'down', health_check: 'passed' } });
    // The same id once more is the same answer, and never a second rollback.
    expect(await (await stack.start('rollback', {}, { id: 'rollback-once' })).answer()).toEqual(one);
    expect(await stack.database.query(`SELECT to_regclass('orders') AS orders, (SELECT count(note)::int FROM users) AS notes`)).toEqual([{ orders: null, notes: 2 }]);

    await writeProject(stack.directory, {});
    const status = await migrateStatus(stack.directory, stack.database.url);
    expect(status.output).toContain(ORDERS);
    expect(status.output).not.toContain(NOTES);
    expect(await run(stack, 'migrate')).toMatchObject({ status: 'success', result: { applied: [ORDERS] } });

    const all = await stack.start('rollback', { steps: 3 });
    const waiting = await all.approve();
    expect(waiting.plan!.evidence.findings[0]).toMatchObject({ level: 'danger', message: expect.stringContaining('the first one too') as string });
    expect(await all.answer()).toMatchObject({ status: 'success', result: { reverted: [ORDERS, NOTES, INIT] } });
    expect(await (await stack.start('rollback')).answer()).toMatchObject({ status: 'error', code: 'plan_failed', error: expect.stringContaining('No migration is applied') as string });
  });

  it.concurrent('restores the backup of the state before where a down script is missing, and refuses where there is neither', async () => {
    const stack = stacks.missing;
    await stack.migration(NOTES, 'ALTER TABLE users ADD COLUMN note text;', 'ALTER TABLE users DROP COLUMN note;');
    const migrated = (await run(stack, 'migrate')) as SuccessResponse;
    await stack.migration(ORDERS, 'CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1), (2); DELETE FROM users WHERE id = 3;');
    const before = ((await run(stack, 'migrate')) as SuccessResponse).result['backup_id'] as string;
    expect(await (await stack.start('rollback', { steps: 9 })).answer()).toMatchObject({
      status: 'error', code: 'plan_failed', error: expect.stringContaining('Only 3 migration(s) are applied') as string,
    });

    const operation = await stack.start('rollback');
    const { plan } = await operation.approve();
    expect(plan).toMatchObject({ restore: { backup_id: before }, migrations: [{ name: ORDERS, undo: 'restore_only' }], evidence: { risk: 'destructive', data_loss: [{ table: 'public.orders', rows: 2 }] } });
    expect(plan!.evidence.findings[0]).toMatchObject({ level: 'warning', message: expect.stringContaining(`No usable down script for ${ORDERS}: ${before} is restored`) as string });
    const answer = (await operation.answer()) as SuccessResponse;
    expect(answer).toMatchObject({ status: 'success', result: { migrations_reverted: 1, reverted: [ORDERS], by: 'restore', restored: before, replaced_database_kept_as: expect.any(String) as string } });
    expect(await stack.database.query(`SELECT to_regclass('orders') AS orders, (SELECT count(*)::int FROM users) AS users`)).toEqual([{ orders: null, users: 3 }]);
    expect(await stack.database.query('SELECT migration_name AS name FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY 1')).toEqual([{ name: INIT }, { name: NOTES }]);

    await rm(join(stack.directory, 'prisma', 'migrations', NOTES, 'down.sql'));
    await rm(join(stack.store, 'backups', migrated.result['backup_id'] as string), { recursive: true });
    const refused = (await (await stack.start('rollback')).answer()) as ErrorResponse;
    expect(refused).toMatchObject({ status: 'error', code: 'plan_failed', error: `No usable down script for ${NOTES}, and no backup of the state before; nothing was changed` });
    expect(refused.recovery.suggestions.join('\n')).toContain('Write down.sql beside');
  });

  it.concurrent('that fails half-way names the way back by its backup, never by a number of steps', async () => {
    const stack = stacks.fails;
    await stack.migration(NOTES, 'ALTER TABLE users ADD COLUMN note text;', 'ALTER TABLE users DROP COLUMN nonsense;');
    await stack.migration(ORDERS, 'CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1);', 'DROP TABLE orders;');
    expect(await run(stack, 'migrate')).toMatchObject({ status: 'success' });
    const operation = await stack.start('rollback', { steps: 2 });
    await operation.approve();
    const { answer } = await operation.until((s) => s.answer !== null);
    expect(answer).toMatchObject({ status: 'error', code: 'migration_failed', waiting_for: ['retry', 'restore', 'accept'] });
    expect((answer as ErrorResponse).recovery.rollback_command).toMatch(/^faber-db rollback-to production --backup-id backup-\S+ --working-directory /);
    await operation.handle.signal('resolve', { choice: 'restore', by: 'ana@example.com' });
    expect(await operation.answer()).toMatchObject({ status: 'error', code: 'migration_failed', result: { rollback: { status: 'undone', by: 'restore', verified: true } } });
    expect(await stack.database.query('SELECT id FROM orders')).toEqual([{ id: 1 }]);
  });
});

async function run(stack: Stack, operation: OperationName, parameters: Record<string, unknown> = {}, id?: string) {
  const started = await stack.start(operation, parameters, id === undefined ? {} : { id });
  await started.approve();
  return started.answer();
}
