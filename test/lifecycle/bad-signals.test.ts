import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse } from '../../src/contract/index.js';
import { failedTasks, queueOf } from '../support/history.js';
import { raw, RAW_PAYLOADS, signalRaw, updateRaw } from '../support/raw-payloads.js';
import type { Operation, Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

const EVERYTHING = [null, ...Object.values(RAW_PAYLOADS)];
const json = (value: unknown) => raw('json/plain', JSON.stringify(value));

describe('signals and updates of any kind', () => {
  let waiting: Stack;
  let stopped: Stack;
  let expiring: Stack;
  beforeAll(async () => {
    ({ waiting, stopped, expiring } = await createStacks({
      waiting: { backup: { verify: 'checked' } },
      stopped: { safety: { on_failure: 'stop' }, backup: { verify: 'checked' } },
      expiring: { safety: { approval: { timeouts: { low: 1 } } } },
    }));
    for (const stack of [waiting, stopped, expiring]) await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY);', 'DROP TABLE t;');
    await stopped.migration('20260102000000_fails', 'INSERT INTO t VALUES (1), (1);');
  });

  const send = async (stack: Stack, workflowId: string, names: string[]) => {
    for (const name of names) await Promise.all(EVERYTHING.map((payload) => signalRaw(stack.client, workflowId, name, payload)));
  };

  it.concurrent('a waiting approval records what does not count with the reason, keeps waiting, and takes the one that does', async () => {
    const operation = await waiting.start('migrate', {}, { requestedBy: 'Pipeline@Example.com' });
    const { plan } = await operation.until((s) => s.phase === 'waiting_for_approval');
    const hash = plan!.plan_hash;
    await send(waiting, operation.id, ['approve', 'reject', 'resolve', 'changeAnswer', 'noSuchSignal']);
    for (const payload of EVERYTHING) expect(await updateRaw(waiting.client, operation.id, 'decide', payload)).toMatch(/does not count/);

    await operation.until((s) => s.refused_count === 3 * EVERYTHING.length);
    const refusedFor = async (payload: object) => {
      const { refused_count } = await operation.state();
      await operation.handle.signal('approve', payload);
      return (await operation.until((s) => s.refused_count > refused_count)).refused.at(-1);
    };
    expect(await refusedFor({ plan: 'f'.repeat(12), by: 'ana@example.com' })).toMatchObject({ by: 'ana@example.com', reason: expect.stringContaining('this plan is') as string });
    expect(await refusedFor({ plan: hash, by: ' pipeline@example.COM ' })).toMatchObject({ reason: 'who asked for the operation may not approve it' });
    expect(await refusedFor({ plan: hash.slice(0, 7), by: 'ana@example.com' })).toMatchObject({ reason: expect.stringContaining('8 or more hex') as string });
    expect(await updateRaw(waiting.client, operation.id, 'decide', json({ decision: 'approve', plan: 'f'.repeat(12), by: 'ana' }))).toMatch(/it is for plan ffff/);
    expect(await updateRaw(waiting.client, operation.id, 'decide', json({ decision: 'approve', plan: hash, by: 'pipeline@example.com' }))).toMatch(/may not approve/);
    expect(await updateRaw(waiting.client, operation.id, 'decide', json({ decision: 'undo', plan: hash, by: 'ana' }))).toMatch(/nothing waits for such a decision/);
    expect(await operation.state()).toMatchObject({ phase: 'waiting_for_approval', approvals: [], answer: null });

    expect(await updateRaw(waiting.client, operation.id, 'decide', json({ decision: 'approve', plan: hash.slice(0, 8).toUpperCase(), by: 'ana@example.com' }))).toBeNull();
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });
    expect(await failedTasks(waiting.client, operation.id)).toEqual([]);
    await expect(operation.handle.signal('approve', { plan: hash, by: 'ana@example.com' })).rejects.toThrow(/completed|not found/i);
  });

  it.concurrent('an approval that comes too late finds the operation ended as expired, and nothing changed', async () => {
    const operation = await expiring.start('migrate');
    const { plan } = await operation.until((s) => s.plan !== null);
    expect(await operation.answer()).toMatchObject({ status: 'cancelled', code: 'approval_expired', result: { plan_hash: plan!.plan_hash } });
    await expect(operation.handle.signal('approve', { plan: plan!.plan_hash, by: 'ana@example.com' })).rejects.toThrow(/completed|not found/i);
    expect(await expiring.database.query(`SELECT nspname FROM pg_namespace WHERE nspname = 'faber_db'`)).toEqual([]);
  });

  describe('to a change that waits for a person, and to the queue of its database', () => {
    let failed: Operation;
    let change: string;
    let queue: string;
    let behind: Operation;
    beforeAll(async () => {
      failed = await stopped.start('migrate');
      await failed.approve();
      const state = await failed.until((s) => s.phase === 'waiting_for_decision');
      change = state.change_workflow_id!;
      queue = queueOf(state);
      behind = await stopped.start('migrate');
      await behind.approve();
      await behind.untilChange((s) => s.waiting_behind.includes(change));
    });

    it('they change nothing', async () => {
      const second = (await behind.state()).change_workflow_id!;
      await send(stopped, failed.id, ['approve', 'reject', 'resolve', 'changeAnswer']);
      await send(stopped, change, ['resolve', 'lockQueued', 'changeAnswer', 'approve']);
      await send(stopped, second, ['resolve', 'lockQueued']);
      await send(stopped, queue, ['requestLock', 'releaseLock', 'lockGranted', 'approve']);
      for (const payload of EVERYTHING) expect(await updateRaw(stopped.client, failed.id, 'decide', payload)).toMatch(/does not count/);
      for (const id of ['', queue, failed.id, `${'x'.repeat(1000)}/change-00000000-1`, 'nobody/change-00000000-1', '\u0000/change-00000000-1']) {
        await signalRaw(stopped.client, queue, 'requestLock', json({ workflow_id: id, operation: 'migrate', environment: 'production' }));
        await signalRaw(stopped.client, queue, 'releaseLock', json({ workflow_id: id }));
      }
      await signalRaw(stopped.client, failed.id, 'changeAnswer', json({ workflow_id: second, answer: null }));
      await signalRaw(stopped.client, change, 'resolve', json({ choice: 'drop everything', by: 'ana' }));
      await signalRaw(stopped.client, change, 'resolve', json({ choice: 'undo' }));
      expect(await failed.state()).toMatchObject({ phase: 'waiting_for_decision', answer: { code: 'migration_failed', waiting_for: ['retry', 'undo', 'restore', 'accept'] } });
      for (const id of [failed.id, change, second, queue]) expect(await failedTasks(stopped.client, id), id).toEqual([]);
    });

    it('a lock granted by hand lets nobody change the database while another does', async () => {
      const second = (await behind.state()).change_workflow_id!;
      await signalRaw(stopped.client, second, 'lockGranted', RAW_PAYLOADS['json/protobuf']);
      expect(await behind.answer()).toMatchObject({ status: 'error', code: 'interrupted_operation', error: expect.stringContaining('still changes this database; nothing was changed') as string });
      expect(await stopped.database.query('SELECT count(*)::int AS n FROM t')).toEqual([{ n: 0 }]);
    });

    it('the decision that counts still counts, and the next one in the queue gets its turn', async () => {
      const next = await stopped.start('migrate');
      await next.approve();
      await failed.handle.signal('resolve', { choice: 'undo', by: 'ana@example.com' });
      const answer = (await failed.answer()) as ErrorResponse;
      expect(answer).toMatchObject({ code: 'migration_failed', result: { rollback: { status: 'undone', by: 'down', verified: true } } });
      // The ledger changed meanwhile, so that the second plan is asked for again.
      const state = await next.until((s) => s.phase === 'waiting_for_approval' && s.change_workflow_id !== null);
      await next.handle.signal('reject', { plan: state.plan!.plan_hash, by: 'ana@example.com', comment: 'enough' });
      expect(await next.answer()).toMatchObject({ status: 'cancelled', code: 'rejected' });
      for (const id of [failed.id, change, next.id, queue]) expect(await failedTasks(stopped.client, id), id).toEqual([]);
      expect(await stopped.database.query(`SELECT relname FROM pg_class WHERE relname = 't'`)).toEqual([]);
    });
  });

  it('the queue of a database starts well from anything', async () => {
    for (const payload of [...EVERYTHING, json({ holder: 5, waiting: [{}, null, { workflow_id: '' }] })]) {
      const id = `queue-${Math.random()}`;
      await waiting.client.workflowService.startWorkflowExecution({
        namespace: waiting.client.options.namespace, workflowId: id, workflowType: { name: 'databaseQueue' }, taskQueue: { name: waiting.taskQueue },
        input: payload === null ? null : { payloads: [payload] }, requestId: id, identity: 'somebody',
      });
      expect(await waiting.client.workflow.getHandle(id).result()).toBeFalsy();
    }
  });
});
