/** `seed`: the project's own program, planned, approved, backed up first, and never run twice by itself. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse, SuccessResponse } from '../../src/contract/index.js';
import { eventually } from '../support/eventually.js';
import { seedScript } from '../support/seed-script.js';
import { createStack, type Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const ROWS = 'SELECT count(*)::int AS n FROM t';
const INSERT = "await client.query('INSERT INTO t SELECT coalesce(max(id), 0) + 1 FROM t');";

describe('seed', () => {
  let stacks: Record<'guarded' | 'fails' | 'dev', Stack>;
  let killed: Stack;
  beforeAll(async () => {
    const open = { environment: { protected: false, backup_before_migrate: true }, backup: { verify: 'checked' } };
    [stacks, killed] = await Promise.all([
      createStacks({ guarded: { backup: { verify: 'checked' } }, fails: open, dev: open }),
      createStack({ ...open, safety: { heartbeat_timeout_seconds: 5 } }),
    ]);
    await Promise.all([...Object.values(stacks), killed].map(async (stack) => {
      await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY);', 'DROP TABLE t;');
      const migrated = await stack.start('migrate', stack === stacks.dev ? { environment: 'dev' } : {});
      if (stack === stacks.guarded) await migrated.approve();
      expect(await migrated.answer()).toMatchObject({ status: 'success' });
    }));
  });

  it.concurrent('runs what was approved, on a backed-up database, and shows nothing that it should not', async () => {
    const stack = stacks.guarded;
    expect(await (await stack.start('seed')).answer()).toMatchObject({ status: 'error', code: 'plan_failed', error: expect.stringContaining('has no seed') as string });
    await seedScript(stack, `${INSERT} console.log('seeded', process.env.DATABASE_URL, "for 'ana'");`);
    const operation = await stack.start('seed');
    const first = await operation.until((s) => s.phase === 'waiting_for_approval');
    expect(first.plan!.seed).toMatchObject({ command: 'node seed.mjs', files: [{ path: 'seed.mjs', sha256: expect.any(String) as string }], url_variable: 'DATABASE_URL' });
    // What runs cannot be a copy of what was approved, so another file is another plan.
    await writeFile(join(stack.directory, 'seed.mjs'), `${await readFile(join(stack.directory, 'seed.mjs'), 'utf8')}\n// edited`);
    await operation.approve();
    const second = await operation.until((s) => s.phase === 'waiting_for_approval' && s.plan!.plan_hash !== first.plan!.plan_hash);
    await operation.handle.signal('approve', { plan: second.plan!.plan_hash, by: 'ana@example.com' });
    const answer = (await operation.answer()) as SuccessResponse;
    expect(answer).toMatchObject({
      status: 'success', operation: 'seed',
      result: { command: 'node seed.mjs', backup_id: expect.stringMatching(/^backup-/) as string, backup_level: 'checked', health_check: 'passed', output: 'seeded *** for ***' },
    });
    expect(JSON.stringify(answer)).not.toContain(stack.database.role.password.slice(-10));
    expect(JSON.stringify(answer)).not.toContain('ana\'');
    expect(await readFile(answer.result['output_path'] as string, 'utf8')).toContain("for 'ana'");
    expect(await stack.database.query(ROWS)).toEqual([{ n: 1 }]);
  });

  it.concurrent('that fails after it wrote is undone by a person’s decision only; one that was cut off is named to the next operation', async () => {
    const stack = stacks.fails;
    await seedScript(stack, `${INSERT} if (exists('slow')) await new Promise(() => setInterval(() => {}, 1000)); process.exit(3);`);
    const operation = await stack.start('seed');
    const { answer } = await operation.until((s) => s.answer !== null);
    expect(answer).toMatchObject({ status: 'error', code: 'seed_failed', error: 'The seed failed: it exited with code 3', waiting_for: ['retry', 'restore', 'accept'] });
    expect((answer as ErrorResponse).recovery.rollback_command).toMatch(/^faber-db rollback-to production --backup-id backup-/);
    expect(await stack.database.query(ROWS)).toEqual([{ n: 1 }]);
    await operation.handle.signal('resolve', { choice: 'restore', by: 'ana@example.com' });
    expect(await operation.answer()).toMatchObject({ status: 'error', code: 'seed_failed', result: { rollback: { status: 'undone', by: 'restore', verified: true } } });
    expect(await stack.database.query(ROWS)).toEqual([{ n: 0 }]);

    await writeFile(join(stack.directory, 'slow'), '');
    const cut = await stack.start('seed');
    await eventually(() => stack.database.query<{ n: number }>(ROWS), ([row]) => row?.n === 1);
    await stack.client.workflow.getHandle((await cut.state()).change_workflow_id!).terminate('by hand');
    expect(await cut.answer()).toMatchObject({ code: 'interrupted_operation' });
    const next = await stack.start('rollback');
    const { answer: named } = await next.until((s) => s.answer !== null);
    expect(named).toMatchObject({ code: 'interrupted_operation', waiting_for: ['accept'], result: { interrupted: { operation_id: cut.id, seeded: true } } });
    await next.handle.signal('resolve', { choice: 'accept', by: 'ana@example.com' });
    expect(await next.answer()).toMatchObject({ status: 'success', result: { reverted: ['20260101000000_init'] } });
  });

  it.concurrent('in a development environment takes no backup, and a failure is an answer that keeps nobody waiting', async () => {
    const stack = stacks.dev;
    await seedScript(stack, `${INSERT} if (exists('hang')) await new Promise(() => setInterval(() => {}, 1000)); process.exit(exists('well') ? 0 : 4);`);
    const failed = (await (await stack.start('seed', { environment: 'dev' })).answer()) as ErrorResponse;
    expect(failed).toMatchObject({ status: 'error', code: 'seed_failed', result: { outcome: 'failed', backup_id: null, rollback: { status: 'stopped' } } });
    expect(failed.waiting_for).toBeUndefined();
    expect(failed.recovery.rollback_command).toBeUndefined();
    await writeFile(join(stack.directory, 'well'), '');
    expect(await (await stack.start('seed', { environment: 'dev' })).answer()).toMatchObject({ status: 'success', result: { backup_id: null, backup_level: 'none' } });
    expect(await stack.database.query(ROWS)).toEqual([{ n: 2 }]);

    await writeFile(join(stack.directory, 'hang'), '');
    const hanging = await stack.start('seed', { environment: 'dev' });
    await eventually(() => stack.database.query<{ n: number }>(ROWS), ([row]) => row?.n === 3);
    await hanging.handle.cancel();
    expect(await hanging.answer()).toMatchObject({ status: 'error', code: 'compensation_failed', error: expect.stringContaining('Cancelled in the middle') as string });
    const sessions = () => stack.database.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'faber-db seed%'");
    await eventually(sessions, (rows) => rows.length === 0, 10);
  });

  it.concurrent('whose worker was killed in the middle is not run again until a person says so', async () => {
    const stack = killed;
    await seedScript(stack, `${INSERT} if (!exists('second')) await new Promise(() => setInterval(() => {}, 1000));`);
    const operation = await stack.start('seed');
    await eventually(() => stack.database.query<{ n: number }>(ROWS), ([row]) => row?.n === 1);
    await stack.killWorker();
    await stack.startWorker();
    const { answer } = await operation.until((s) => s.answer !== null);
    expect(answer).toMatchObject({ status: 'error', code: 'seed_failed', error: expect.stringContaining('How the seed ended is not known') as string, waiting_for: ['retry', 'restore', 'accept'] });
    expect(await stack.database.query(ROWS)).toEqual([{ n: 1 }]);
    await writeFile(join(stack.directory, 'second'), '');
    await operation.handle.signal('resolve', { choice: 'retry', by: 'ana@example.com' });
    expect(await operation.answer()).toMatchObject({ status: 'success', operation: 'seed' });
    expect(await stack.database.query(ROWS)).toEqual([{ n: 2 }]);

    // A reset seeds a database that nobody uses yet: there the next attempt begins anew by itself.
    await rm(join(stack.directory, 'second'));
    const reset = await stack.start('reset', { seed: true });
    const sessions = () => stack.database.query("SELECT FROM pg_stat_activity WHERE application_name LIKE 'faber-db seed%' AND datname LIKE current_database() || '_faber_%'");
    await eventually(sessions, (rows) => rows.length > 0);
    await stack.killWorker();
    await writeFile(join(stack.directory, 'second'), '');
    await stack.startWorker();
    expect(await reset.answer()).toMatchObject({ status: 'success', operation: 'reset', result: { seeded: true } });
    expect(await stack.database.query(ROWS)).toEqual([{ n: 1 }]);
  });
});
