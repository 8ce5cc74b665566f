/** Reject, cancel in each phase, repeated ids, dry run. */
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { FaberClient } from '../../src/client/index.js';
import type { CancelledResponse, ErrorResponse, SuccessResponse } from '../../src/contract/index.js';
import { createLedger } from '../support/ledger.js';
import { failedTasks } from '../support/history.js';
import { runsSleep, sleep, type Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';
import { temporal } from '../support/temporal.js';

const NOTHING = `SELECT nspname AS name FROM pg_namespace WHERE nspname = 'faber_db' UNION ALL SELECT relname FROM pg_class WHERE relname IN ('t', 'u', '_prisma_migrations')`;

describe('an operation', () => {
  let stacks: Record<'plain' | 'queued' | 'backup' | 'applying' | 'undoing' | 'stuck' | 'stopped' | 'repeated', Stack>;
  beforeAll(async () => {
    const quick = { backup: { verify: 'checked' } };
    stacks = await createStacks({
      plain: quick, queued: quick, backup: quick, applying: quick, undoing: quick, stuck: quick, repeated: quick,
      stopped: { ...quick, safety: { on_failure: 'stop' } },
    });
    for (const stack of Object.values(stacks)) await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY);', 'DROP TABLE t;');
  });

  it.concurrent('that is rejected ends as cancelled with the reason, and nothing changed', async () => {
    const stack = stacks.plain;
    const operation = await stack.start('migrate');
    const { plan } = await operation.until((s) => s.phase === 'waiting_for_approval');
    await operation.handle.signal('reject', { plan: plan!.plan_hash, by: 'ana@example.com', comment: 'not on a Friday' });
    expect(await operation.answer()).toMatchObject({ status: 'cancelled', code: 'rejected', message: 'Rejected by ana@example.com: not on a Friday', result: { plan_hash: plan!.plan_hash } });

    const dry = await (await stack.start('migrate', { dry_run: true })).answer();
    expect(dry).toMatchObject({ status: 'success', operation: 'migrate', result: { plan_hash: plan!.plan_hash, pending: 1, approval_required: true } });

    // Cancelled while it plans or right after, and while it waits for the approval.
    const early = await stack.start('migrate');
    await early.handle.cancel();
    expect(await early.answer()).toMatchObject({ status: 'cancelled', code: 'cancelled' });
    const waiting = await stack.start('migrate');
    await waiting.until((s) => s.phase === 'waiting_for_approval');
    await waiting.handle.cancel();
    expect(await waiting.answer()).toMatchObject({ status: 'cancelled', code: 'cancelled', message: 'Cancelled before any change' });
    expect(await stack.database.query(NOTHING)).toEqual([]);
  });

  it.concurrent('that is cancelled in the queue leaves it, and the one before and the one behind go on', async () => {
    const stack = stacks.queued;
    await stack.migration('20260102000000_slow', 'SELECT pg_sleep(4);');
    const operations = [await stack.start('migrate'), await stack.start('migrate'), await stack.start('migrate')];
    await operations[0]!.approve();
    await operations[0]!.untilChange((s) => s.phase !== 'waiting_for_lock');
    await operations[1]!.approve();
    await operations[1]!.untilChange((s) => s.waiting_behind.length === 1);
    await operations[2]!.approve();
    await operations[2]!.untilChange((s) => s.waiting_behind.length === 2);
    await operations[1]!.handle.cancel();
    expect(await operations[1]!.answer()).toMatchObject({ status: 'cancelled', code: 'cancelled', message: 'Cancelled before any change' });
    expect(await operations[0]!.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 2 } });
    expect(await operations[2]!.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 0 } });
  });

  it.concurrent('that is cancelled in its backup changed nothing, and blocks nobody', async () => {
    const stack = stacks.backup;
    await stack.database.query('CREATE SCHEMA app; CREATE TABLE app.busy (id int)');
    await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY);');
    const busy = await session(stack, 'BEGIN; LOCK TABLE app.busy IN ACCESS EXCLUSIVE MODE');
    await createLedger(stack);
    const operation = await stack.start('migrate');
    await operation.approve();
    await operation.untilChange((s) => s.phase === 'backing_up');
    await sleep(1_000);
    await operation.handle.cancel();
    expect(await operation.answer()).toMatchObject({ status: 'cancelled', code: 'cancelled', message: 'Cancelled before any change' });
    await busy.end();
    expect(await stack.database.query('SELECT migration_name FROM _prisma_migrations')).toEqual([]);
    expect(await stack.database.query('SELECT count(*)::int AS open FROM faber_db.operations WHERE ended_at IS NULL')).toEqual([{ open: 0 }]);
    const next = await stack.start('migrate');
    await next.approve();
    expect(await next.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });
  });

  it.concurrent('that is cancelled in the middle of the change undoes it', async () => {
    const stack = stacks.applying;
    await stack.migration('20260102000000_slow', 'CREATE TABLE u (id int); SELECT pg_sleep(60);', 'DROP TABLE u;');
    const operation = await stack.start('migrate');
    await operation.approve();
    await runsSleep(stack);
    await operation.handle.cancel();
    const answer = (await operation.answer()) as CancelledResponse;
    expect(answer).toMatchObject({ status: 'cancelled', code: 'cancelled', result: { rollback: { status: 'undone', by: 'down', verified: true, reverted: ['20260101000000_init'] } } });
    expect(await stack.database.query(`SELECT relname FROM pg_class WHERE relname IN ('t', 'u')`)).toEqual([]);
    expect(await stack.database.query('SELECT count(*)::int AS n FROM _prisma_migrations WHERE rolled_back_at IS NULL')).toEqual([{ n: 0 }]);
  });

  it.concurrent('that is cancelled while it undoes finishes the undo', async () => {
    const stack = stacks.undoing;
    await stack.migration('20260102000000_read', 'CREATE TABLE u (id int);', 'DROP TABLE u;');
    await stack.migration('20260103000000_fails', 'SELECT pg_sleep(2); INSERT INTO t VALUES (1), (1);');
    const operation = await stack.start('migrate');
    await operation.approve();
    await runsSleep(stack);
    const reader = await session(stack, 'BEGIN; SELECT * FROM u');
    await operation.untilChange((s) => s.phase === 'undoing');
    await operation.handle.cancel();
    await sleep(1_000);
    await reader.end();
    expect(await operation.answer()).toMatchObject({ status: 'error', code: 'migration_failed', result: { rollback: { status: 'undone', by: 'down', verified: true } } });
    expect(await stack.database.query(`SELECT relname FROM pg_class WHERE relname IN ('t', 'u')`)).toEqual([]);
  });

  it.concurrent('that is cancelled, and whose change nothing undoes, says what is left and how to get rid of it', async () => {
    const stack = stacks.stuck;
    await stack.migration('20260102000000_no_down', 'CREATE TABLE u (id int);');
    await stack.migration('20260103000000_slow', 'SELECT pg_sleep(60);');
    const operation = await stack.start('migrate');
    await operation.approve();
    await runsSleep(stack);
    await stack.database.query('INSERT INTO t VALUES (7)');
    await operation.handle.cancel();
    const answer = (await operation.answer()) as ErrorResponse;
    expect(answer).toMatchObject({ status: 'error', code: 'compensation_failed', result: { rollback: { status: 'stopped' } }, recovery: { can_continue: false } });
    expect(answer.waiting_for).toBeUndefined();
    expect(answer.recovery.rollback_command).toMatch(/^faber-db rollback-to production --backup-id backup-/);
    expect(await stack.database.query('SELECT id FROM t')).toEqual([{ id: 7 }]);
  });

  it.concurrent('that waits for a decision after a failure keeps waiting when it is cancelled: the state is nobody’s to forget', async () => {
    const stack = stacks.stopped;
    await stack.migration('20260102000000_fails', 'INSERT INTO t VALUES (1), (1);');
    const operation = await stack.start('migrate');
    await operation.approve();
    const { change_workflow_id } = await operation.until((s) => s.phase === 'waiting_for_decision');
    await operation.handle.cancel();
    await sleep(1_000);
    expect(await operation.state()).toMatchObject({ phase: 'waiting_for_decision', answer: { code: 'migration_failed' } });
    await operation.handle.signal('resolve', { choice: 'accept', by: 'ana@example.com' });
    expect(await operation.answer()).toMatchObject({ status: 'error', code: 'migration_failed', result: { rollback: { status: 'stopped', by: 'person' } } });
    expect(await failedTasks(stack.client, change_workflow_id!)).toEqual([]);
  });

  it.concurrent('whose id is repeated joins, returns the same answer, also when Temporal forgot it, and refuses another request', async () => {
    const stack = stacks.repeated;
    const { address, namespace } = await temporal();
    const client = await FaberClient.connect({ address, namespace, taskQueue: stack.taskQueue, env: {} });
    try {
      const workflowId = `release-${Math.random()}`;
      const parameters = { environment: 'production', working_directory: stack.directory };
      const first = await client.start('migrate', parameters, { workflowId });
      const joined = await client.start('migrate', parameters, { workflowId });
      expect([first.startedByUs, joined.startedByUs, joined.runId]).toEqual([true, false, first.runId]);
      const preview = (await (await stack.start('migrate-preview')).answer()) as SuccessResponse;
      await first.approve({ plan: preview.result['plan_hash'] as string, by: 'ana@example.com' });
      const answer = await joined.result();
      expect(answer).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });
      expect(await (await client.start('migrate', parameters, { workflowId })).result()).toEqual(answer);
      await expect(client.start('migrate', { ...parameters, dry_run: true }, { workflowId })).rejects.toMatchObject({ code: 'operation_id_conflict' });

      // Past the client, as after Temporal's retention: a new run of the same id, and only the row in the database remembers.
      expect(await (await stack.start('migrate', {}, { id: workflowId })).answer()).toEqual(answer);
      expect(await (await stack.start('migrate', { dry_run: true }, { id: workflowId })).answer()).toMatchObject({ status: 'error', code: 'operation_id_conflict' });
    } finally {
      await client.close();
    }
  });
});

async function session(stack: Stack, sql: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: stack.database.url });
  client.on('error', () => {});
  await client.connect();
  await client.query(sql);
  return client;
}
