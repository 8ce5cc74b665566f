/** A change that was ended in the middle from outside: the next operation finds it, and has it decided first. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse } from '../../src/contract/index.js';
import { runsSleep, type Operation, type Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

describe('an interrupted operation', () => {
  let stacks: Record<'undo' | 'accept', Stack>;
  beforeAll(async () => {
    const backup = { verify: 'checked' };
    stacks = await createStacks({ undo: { backup }, accept: { backup } });
    await Promise.all(Object.values(stacks).map(async (stack) => {
      await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY);', 'DROP TABLE t;');
      await stack.migration('20260102000000_slow', 'CREATE TABLE u (id int); SELECT pg_sleep(60);', 'DROP TABLE u;');
    }));
  });

  it.concurrent('is undone when a person says so, and the release is planned anew', async () => {
    const stack = stacks.undo;
    const interrupted = await interrupt(stack);
    const next = await started(stack, interrupted);
    await next.handle.signal('resolve', { choice: 'retry', by: 'ana@example.com' });
    await next.handle.signal('resolve', { choice: 'undo', by: 'ana@example.com' });
    const { plan } = await next.until((s) => s.phase === 'waiting_for_approval' && s.change_workflow_id !== null);
    expect(plan!.migrations.map((m) => m.name)).toEqual(['20260101000000_init', '20260102000000_slow']);
    expect(await stack.database.query(`SELECT relname FROM pg_class WHERE relname IN ('t', 'u')`)).toEqual([]);
    await next.approve();
    expect(await next.answer()).toMatchObject({ status: 'success', result: { applied: ['20260101000000_init', '20260102000000_slow'] } });
  });

  it.concurrent('is left to the next when the one that found it is cancelled, and kept when a person accepts it', async () => {
    const stack = stacks.accept;
    const interrupted = await interrupt(stack);
    const cancelled = await started(stack, interrupted);
    await cancelled.handle.cancel();
    expect(await cancelled.answer()).toMatchObject({ status: 'cancelled', code: 'cancelled', message: 'Cancelled before any change' });
    const next = await started(stack, interrupted);
    await next.handle.signal('resolve', { choice: 'accept', by: 'ana@example.com' });
    expect(await next.answer()).toMatchObject({ status: 'success', result: { applied: ['20260102000000_slow'] } });
    const rows = await stack.database.query('SELECT operation_id, answer FROM faber_db.operations WHERE ended_at IS NOT NULL ORDER BY begun_at');
    expect(rows).toMatchObject([{ operation_id: interrupted.id, answer: { outcome: 'accepted by ana@example.com' } }, { operation_id: next.id }]);
  });
});

/** Ends the change in the middle of its second migration. */
async function interrupt(stack: Stack): Promise<Operation> {
  const operation = await stack.start('migrate');
  await operation.approve();
  await runsSleep(stack);
  const { change_workflow_id } = await operation.state();
  await stack.client.workflow.getHandle(change_workflow_id!).terminate('by hand');
  const answer = (await operation.answer()) as ErrorResponse;
  expect(answer).toMatchObject({ status: 'error', code: 'interrupted_operation', error: expect.stringContaining('was ended from outside') as string });
  await stack.migration('20260102000000_slow', 'CREATE TABLE u (id int);', 'DROP TABLE u;');
  return operation;
}

/** The next operation, as far as its answer about the interrupted one. */
async function started(stack: Stack, interrupted: Operation): Promise<Operation> {
  const next = await stack.start('migrate');
  await next.approve();
  const { answer } = await next.until((s) => s.answer !== null);
  expect(answer).toMatchObject({
    status: 'error', code: 'interrupted_operation', waiting_for: ['undo', 'accept'],
    result: { interrupted: { operation_id: interrupted.id, applied: ['20260101000000_init'], half_applied: [], still_running: false } },
  });
  return next;
}
