import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { FaberClient, FaberError } from '../../src/client/index.js';
import { hasWorker } from '../../src/client/task-queue.js';
import { eventually } from '../support/eventually.js';
import { createStack, type Stack } from '../support/stack.js';
import { temporal } from '../support/temporal.js';

async function clientFor(taskQueue: string, env: NodeJS.ProcessEnv = {}): Promise<FaberClient> {
  const { address, namespace } = await temporal();
  return FaberClient.connect({ address, namespace, taskQueue, env });
}

async function errorOf(promise: Promise<unknown>): Promise<FaberError> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FaberError);
  return error as FaberError;
}

const unique = (name: string) => `${name}-${randomBytes(5).toString('hex')}`;

describe('client', () => {
  let stack: Stack;
  let client: FaberClient;
  const parameters = () => ({ environment: 'production', working_directory: stack.directory });

  /** The hash of the plan, once the operation waits with it. */
  async function waitingPlan(id: string): Promise<string> {
    for await (const state of client.watch(id)) if (state.phase === 'waiting_for_approval' && state.plan) return state.plan.plan_hash;
    throw new Error('it ended without waiting for approval');
  }

  beforeAll(async () => {
    stack = await createStack();
    await stack.migration('20260101000000_init', 'CREATE TABLE things (id int PRIMARY KEY);');
    client = await clientFor(stack.taskQueue);
  });

  it('previews, starts, approves and answers, typed by the name of the operation', async () => {
    const preview = await client.preview(parameters());
    if (preview.status !== 'success') throw new Error(JSON.stringify(preview));
    expect(preview.result.pending).toBe(1);

    const operation = await client.start('migrate', parameters(), { requestedBy: 'ci@example.com' });
    expect(operation.workflowId).toMatch(/^faber-db\/migrate\/production\/\d{8}-\d{6}-[0-9a-f]{6}$/);
    const plan = await waitingPlan(operation.workflowId);
    expect(plan).toBe(preview.result.plan_hash);
    expect((await operation.state()).requested_by).toBe('ci@example.com');
    expect(await operation.approve({ plan, by: 'ana@example.com' })).toMatchObject({ recorded: 'approve', via: 'update' });
    const answer = await operation.result();
    if (answer.status !== 'success' || !('migrations_applied' in answer.result)) throw new Error(JSON.stringify(answer));
    expect(answer.result.migrations_applied).toBe(1);

    const again = await (await client.join(operation.workflowId)).result();
    expect(again).toEqual(answer);
    const listed = await client.list({ environment: 'production', limit: 100 });
    expect(listed).toContainEqual(expect.objectContaining({ workflow_id: operation.workflowId, operation: 'migrate', status: 'success', requested_by: 'ci@example.com' }));
  });

  describe('an operation id of your own', () => {
    it('joins the operation while it runs, and gives its answer again when it has ended', async () => {
      await stack.migration(`20260102_${randomBytes(3).toString('hex')}`, 'SELECT 1;', 'SELECT 1;');
      const workflowId = unique('pipeline-7');
      const first = await client.start('migrate', parameters(), { workflowId });
      const second = await client.start('migrate', parameters(), { workflowId, requestedBy: 'somebody else' });
      expect([first.startedByUs, second.startedByUs]).toEqual([true, false]);
      expect(second.runId).toBe(first.runId);
      const plan = await waitingPlan(workflowId);
      await second.reject({ plan, by: 'ana@example.com', comment: 'wrong window' });
      const answer = await first.result();
      expect(answer).toMatchObject({ status: 'cancelled', code: 'rejected', message: 'Rejected by ana@example.com: wrong window', environment: 'production' });
      const third = await client.start('migrate', parameters(), { workflowId });
      expect(third.startedByUs).toBe(false);
      expect(await third.result()).toEqual(answer);
      expect(await client.list({ environment: 'production' })).toContainEqual(expect.objectContaining({ workflow_id: workflowId, status: 'cancelled' }));
    });

    it('that two start at the same time is one operation', async () => {
      const workflowId = unique('twice');
      const handles = await Promise.all([1, 2, 3].map(() => client.start('health-check', parameters(), { workflowId })));
      expect(new Set(handles.map((h) => h.runId)).size).toBe(1);
      const answers = await Promise.all(handles.map((h) => h.result()));
      expect(answers[0]).toMatchObject({ status: 'success', result: { status: 'healthy' } });
      expect(answers[1]).toEqual(answers[0]);
    });

    it('is refused for another request, running or ended', async () => {
      const workflowId = unique('conflict');
      const first = await client.start('health-check', parameters(), { workflowId });
      const conflict = { code: 'operation_id_conflict', message: `Operation id '${workflowId}' was used before, with another request` };
      expect(await errorOf(client.start('migrate', parameters(), { workflowId }))).toMatchObject(conflict);
      await first.result();
      expect(await errorOf(client.start('health-check', { ...parameters(), environment: 'dev' }, { workflowId }))).toMatchObject(conflict);
    });
  });

  describe('a decision', () => {
    it('that does not count is refused at once, with the reason, and the operation goes on waiting', async () => {
      await stack.migration(`20260103_${randomBytes(3).toString('hex')}`, 'SELECT 1;', 'SELECT 1;');
      const operation = await client.start('migrate', parameters(), { requestedBy: 'ci@example.com' });
      const { workflowId } = operation;
      const plan = await waitingPlan(workflowId);
      const refused = async (decision: { plan: string; by: string }) => (await errorOf(client.approve(workflowId, decision))).message;
      expect(await refused({ plan: 'ffffffff', by: 'ana@example.com' })).toContain('it is for plan ffffffff');
      expect(await refused({ plan, by: 'CI@example.com' })).toContain('may not approve');
      const asRequester = await errorOf(client.approve(workflowId, { plan, by: 'ci@example.com' }));
      expect(asRequester.suggestions[0]).toContain('--by NAME');
      expect(await refused({ plan: 'abc', by: 'ana@example.com' })).toContain('plan: "abc" must be the first 8 or more hex digits');
      expect((await errorOf(client.resolve(workflowId, { choice: 'retry', by: 'ana' }))).message).toContain("does not wait for 'retry'");
      expect((await operation.state()).phase).toBe('waiting_for_approval');
      await client.cancel(workflowId);
      expect(await operation.result()).toMatchObject({ status: 'cancelled', environment: 'production' });
      expect((await errorOf(client.approve(workflowId, { plan, by: 'ana@example.com' }))).message).toContain('has ended');
    });

    it('about an operation that is not there says so', async () => {
      const calls = [() => client.approve('no-such', { plan: 'abcdef01', by: 'ana' }), () => client.join('no-such'), () => client.state('no-such'), () => client.cancel('no-such')];
      for (const call of calls) {
        expect(await errorOf(call())).toMatchObject({ code: 'operation_not_found' });
      }
    });
  });

  describe('an error', () => {
    it('of the configuration is an answer with the environment in it, as from the worker', async () => {
      const answer = await client.run('health-check', { ...parameters(), environment: 'elsewhere' });
      expect(answer).toMatchObject({
        status: 'error', operation: 'health-check', environment: 'elsewhere', code: 'environment_not_configured',
        error: "Environment 'elsewhere' not found in configuration",
        recovery: { suggestions: ['Configured: production, dev', "Add it under 'environments' in .fractary/plugins/faber-db/config.json"] },
      });
    });

    it('of the request is told before anything is started', async () => {
      // An environment of its own: other tests start operations on the same server meanwhile.
      const environment = `staging-${randomBytes(4).toString('hex')}`;
      expect(await errorOf(client.startRequest({ operation: 'migrate', parameters: { environment, force: true } }))).toMatchObject({ code: 'invalid_request' });
      expect(await client.list({ environment, limit: 1000 })).toEqual([]);
    });

    it('of a migration is an answer with what failed and what was undone', async () => {
      // The two before it, left by the tests above, have down scripts.
      const name = `20260104_${randomBytes(3).toString('hex')}`;
      await stack.migration(name, 'INSERT INTO things VALUES (1), (1);');
      const operation = await client.start('migrate', parameters(), { requestedBy: 'ci@example.com' });
      await operation.approve({ plan: await waitingPlan(operation.workflowId), by: 'ana@example.com' });
      const answer = await operation.result();
      expect(answer).toMatchObject({ status: 'error', code: 'migration_failed', environment: 'production', result: { failed_migration: name, rollback: { status: 'undone', by: 'down', verified: true } } });
    });
  });

  it('gives up waiting when told to, and the operation goes on', async () => {
    await stack.migration(`20260105_${randomBytes(3).toString('hex')}`, 'SELECT 1;', 'SELECT 1;');
    const operation = await client.start('migrate', parameters());
    expect(await operation.wait({ timeoutSeconds: 0.5 })).toEqual({ kind: 'timed_out' });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    expect(await errorOf(operation.wait({ signal: stop.signal }))).toMatchObject({ code: 'cancelled', message: expect.stringContaining('goes on') as string });
    // What is listed follows what is so after a moment.
    await eventually(() => client.list({ running: true, limit: 200 }), (listed) => listed.some((one) => one.workflow_id === operation.workflowId && one.status === 'running'));
    await operation.cancel();
    expect((await operation.result()).status).toBe('cancelled');
  });
});

describe('without a worker', () => {
  it('nothing is started, and the answer is there within ten seconds', async () => {
    const client = await clientFor(unique('nobody'));
    const began = Date.now();
    const workflowId = unique('never');
    const error = await errorOf(client.start('health-check', { environment: 'dev', working_directory: '/srv/shop' }, { workflowId }));
    expect(error).toMatchObject({ code: 'no_worker' });
    expect(error.suggestions[0]).toContain('faber-db worker --task-queue');
    expect(Date.now() - began).toBeLessThan(10_000);
    expect(await errorOf(client.join(workflowId))).toMatchObject({ code: 'operation_not_found' });
  });

  it('that was killed a moment ago, the operation is taken back, and starts when a worker is there again', async () => {
    const stack = await createStack();
    const client = await clientFor(stack.taskQueue);
    await stack.killWorker();
    const workflowId = unique('killed');
    const parameters = { environment: 'production', working_directory: stack.directory };
    const began = Date.now();
    const operation = await client.start('health-check', parameters, { workflowId });
    expect(await errorOf(operation.result())).toMatchObject({ code: 'no_worker', message: expect.stringContaining('nothing was started') as string });
    expect(Date.now() - began).toBeLessThan(10_000);
    await stack.startWorker();
    await eventually(() => hasWorker(client.access, stack.taskQueue), (there) => there);
    const again = await client.start('health-check', parameters, { workflowId });
    expect(again.startedByUs).toBe(true);
    expect((await again.result()).status).toBe('success');
  });
});

describe('a Temporal server that is not there', () => {
  it.each([
    ['nobody listens', { address: '127.0.0.1:1' }, /cannot be reached/],
    ['the namespace is missing', { namespace: 'no-such-namespace' }, /has no namespace 'no-such-namespace'/],
    ['it speaks no TLS', { env: { TEMPORAL_TLS: 'true' } }, /TLS|cannot be reached/],
    ['the profile is missing', { profile: 'no-such-profile', env: { TEMPORAL_CONFIG_FILE: '/nonexistent.toml' } }, /settings cannot be read/],
  ])('is told with what to check: %s', async (_name, options, message) => {
    const { address, namespace } = await temporal();
    const error = await errorOf(FaberClient.connect({ address, namespace, env: {}, ...options }));
    expect(error.code).toBe('temporal_unavailable');
    expect(error.message).toMatch(message);
    expect(error.suggestions.length).toBeGreaterThan(0);
  });

  it('is reached by the variables and profiles of every Temporal program', async () => {
    const { address, namespace } = await temporal();
    const client = await FaberClient.connect({ env: { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, FABER_DB_TASK_QUEUE: 'mine' } });
    expect(client.access).toMatchObject({ address, namespace });
    expect(client.taskQueue).toBe('mine');
    await client.close();
  });
});
