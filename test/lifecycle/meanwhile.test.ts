/** What others do to the database while an operation waits or works. */
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, SuccessResponse } from '../../src/contract/index.js';
import { addLedgerRow, createLedger } from '../support/ledger.js';
import { migrateDeploy, migrateStatus, writeProject } from '../support/prisma-cli.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const INIT = 'CREATE TABLE t (id int PRIMARY KEY);';

describe('while an operation waits or works', () => {
  let stacks: Record<'byHand' | 'byPrisma' | 'locked' | 'held' | 'twice' | 'names', Stack>;
  beforeAll(async () => {
    const quick = { backup: { verify: 'checked' } };
    stacks = await createStacks({
      byHand: quick,
      byPrisma: quick,
      locked: { ...quick, migrations: { lock_timeout_seconds: 30 } },
      held: { ...quick, migrations: { lock_timeout_seconds: 1 } },
      twice: quick,
      names: { ...quick, environments: { prod_eu: { connection_string_env: 'URL_OF_NAMES' } } },
    });
    await Promise.all(Object.values(stacks).map((stack) => stack.migration('20260101000000_init', INIT, 'DROP TABLE t;')));
  });

  it.concurrent('somebody applies a migration by hand: the plan is asked for again, with the difference', async () => {
    const stack = stacks.byHand;
    await stack.migration('20260102000000_more', 'ALTER TABLE t ADD COLUMN n int;', 'ALTER TABLE t DROP COLUMN n;');
    const operation = await stack.start('migrate');
    const first = await operation.until((s) => s.phase === 'waiting_for_approval');
    await stack.database.query(INIT);
    await createLedger(stack);
    await addLedgerRow(stack, '20260101000000_init');
    await operation.approve();
    const again = await operation.until((s) => s.phase === 'waiting_for_approval' && s.plan!.plan_hash !== first.plan!.plan_hash);
    expect(again.plan!.migrations.map((m) => m.name)).toEqual(['20260102000000_more']);
    expect(again.progress.map((p) => p.message).join('\n')).toMatch(/plan changed during the wait: the ledger changed.*no more in the plan: 20260101000000_init/);
    expect(again.approvals).toEqual([]);
    // The approval of the plan that is no more does not count for the new one.
    await operation.handle.signal('approve', { plan: first.plan!.plan_hash, by: 'bob@example.com' });
    await operation.until((s) => s.refused_count > 0);
    expect(await stack.database.query(`SELECT nspname FROM pg_namespace WHERE nspname = 'faber_db'`)).toEqual([]);
    await operation.approve();
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { applied: ['20260102000000_more'], plan_hash: again.plan!.plan_hash } });
  });

  it.concurrent('the Prisma CLI applies everything: nothing is left to do, and nothing is done twice', async () => {
    const stack = stacks.byPrisma;
    const operation = await stack.start('migrate');
    await operation.until((s) => s.phase === 'waiting_for_approval');
    await writeProject(stack.directory, {});
    expect(await migrateDeploy(stack.directory, stack.database.url)).toMatchObject({ exitCode: 0 });
    await operation.approve();
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 0, backup_id: null }, message: expect.stringContaining('Nothing to do') as string });
    expect(await migrateStatus(stack.directory, stack.database.url)).toMatchObject({ exitCode: 0 });
  });

  it.concurrent('the application locks the table: the migration waits without blocking others, and goes on', async () => {
    const stack = stacks.locked;
    const application = await lockT(stack);
    await stack.migration('20260102000000_more', 'ALTER TABLE t ADD COLUMN n int;');
    const operation = await stack.start('migrate');
    await operation.approve();
    await operation.untilChange((s) => s.phase === 'applying');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await operation.state()).answer).toBeNull();
    await application.end();
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { applied: ['20260102000000_more'] } });
  });

  it.concurrent('the application never lets go: lock_timeout, and nothing changed', async () => {
    const stack = stacks.held;
    const application = await lockT(stack);
    await stack.migration('20260102000000_more', 'ALTER TABLE t ADD COLUMN n int;', 'ALTER TABLE t DROP COLUMN n;');
    const operation = await stack.start('migrate');
    await operation.approve();
    const answer = (await operation.answer()) as ErrorResponse;
    expect(answer).toMatchObject({
      status: 'error', code: 'lock_timeout',
      result: { failed_migration: '20260102000000_more', sql_state: '55P03', migrations_applied_before_failure: 0, rollback: { status: 'nothing_to_undo', verified: true } },
      recovery: { can_continue: true },
    });
    expect(answer.recovery.rollback_command).toBeUndefined();
    await application.end();
    expect(await stack.database.query(`SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'n'`)).toEqual([]);
    // Nothing stands in the way of the next one.
    const next = await stack.start('migrate');
    await next.approve();
    expect(await next.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });
  });

  it.concurrent('two migrations at once: both are answered, and each migration ran once', async () => {
    const stack = stacks.twice;
    await stack.migration('20260102000000_slow', 'CREATE TABLE s (id int); SELECT pg_sleep(1);');
    const operations = [await stack.start('migrate'), await stack.start('migrate')];
    await Promise.all(operations.map((operation) => operation.until((s) => s.phase === 'waiting_for_approval')));
    await Promise.all(operations.map((operation) => operation.approve()));
    const answers = (await Promise.all(operations.map((operation) => operation.answer()))) as SuccessResponse[];
    expect(answers.map((a) => a.status)).toEqual(['success', 'success']);
    expect(new Set(answers.map((a) => a.result['migrations_applied']))).toEqual(new Set([0, 2]));
    expect(await runs(stack)).toEqual([{ migration_name: '20260101000000_init', n: 1 }, { migration_name: '20260102000000_slow', n: 1 }]);
  });

  it.concurrent('two names of one database share its lock: the second is told that the database is marked as the other', async () => {
    const stack = stacks.names;
    const [first, second] = await Promise.all([stack.start('migrate'), stack.start('migrate', { environment: 'prod_eu' })]);
    await Promise.all([first, second].map((operation) => operation.until((s) => s.phase === 'waiting_for_approval')));
    await Promise.all([first, second].map((operation) => operation.approve()));
    const answers = await Promise.all([first.answer(), second.answer()]);
    expect(answers.filter((a) => a.status === 'success')).toHaveLength(1);
    expect(answers.find((a) => a.status === 'error')).toMatchObject({ code: 'target_mismatch', error: expect.stringMatching(/is marked as '.*'; nothing was changed/) as string });
    expect(await runs(stack)).toEqual([{ migration_name: '20260101000000_init', n: 1 }]);
  });
});

const runs = (stack: Stack) => stack.database.query('SELECT migration_name, count(*)::int AS n FROM _prisma_migrations WHERE finished_at IS NOT NULL GROUP BY 1 ORDER BY 1');

/** A session of an application that uses the table, and does not commit. */
async function lockT(stack: Stack): Promise<pg.Client> {
  const first = await stack.start('migrate');
  await first.approve();
  await first.answer();
  const application = new pg.Client({ connectionString: stack.database.url });
  application.on('error', () => {});
  await application.connect();
  await application.query('BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE');
  return application;
}
