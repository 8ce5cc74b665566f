import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { createActivities } from '../../src/activities/index.js';
import type { Notification, NotificationEvent, NotificationFacts } from '../../src/contract/notification.js';
import { dependencies, workflowCode } from '../../worker.js';
import { inDist } from '../support/dist.js';
import { eventually } from '../support/eventually.js';
import { hook, type Hook } from '../support/plugin.js';
import { createStack, type Stack } from '../support/stack.js';
import { timeSkippingServer } from '../support/temporal.js';

const HOUR = 3_600_000;

describe('waits for a person, with time skipped', () => {
  let waiting: Stack;
  let stopped: Stack;
  let server: Hook;

  beforeAll(async () => {
    await inDist('worker.js');
    server = await hook();
    const integration = { notify_url_env: 'HOOK' };
    waiting = await createStack({ idle: true, integration, safety: { approval: { timeouts: { low: 259_200 } } } });
    await waiting.migration('20260101000000_init', 'CREATE TABLE t (id int);');
    stopped = await createStack({ idle: true, integration, environment: { protected: false }, urlVariable: 'STOPPED_URL', safety: { on_failure: 'stop' }, backup: { verify: 'checked' } });
    await stopped.migration('20260101000000_init', 'CREATE TABLE t (id int);');
    await stopped.migration('20260102000000_bad', 'SELECT 1/0;');
  });

  /** A server of its own for each: what one leaves open keeps the time of another from being skipped. */
  async function withTimeSkipped(work: (environment: TestWorkflowEnvironment, start: (workflowId: string, stack: Stack) => ReturnType<TestWorkflowEnvironment['client']['workflow']['start']>) => Promise<void>): Promise<void> {
    const environment = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path: await timeSkippingServer() } } });
    const worker = await Worker.create({
      connection: environment.nativeConnection,
      taskQueue: 'expiry',
      ...workflowCode(),
      activities: createActivities(dependencies({ ...process.env, PROD_DATABASE_URL: waiting.database.url, STOPPED_URL: stopped.database.url, HOOK: server.url })),
    });
    const running = worker.run();
    try {
      await work(environment, (workflowId, { directory }) =>
        environment.client.workflow.start('migrate', {
          workflowId, taskQueue: 'expiry', args: [{ request: { operation: 'migrate', parameters: { environment: 'production', working_directory: directory } }, requested_by: 'pipeline' }],
        }),
      );
    } finally {
      worker.shutdown();
      await running;
      await environment.teardown();
    }
  }

  const told = (id: string) => (server.to('/') as unknown as Notification[]).map((n) => n.faber_db).filter((facts) => facts.operation_id === id);
  const heard = (id: string, event: NotificationEvent) => eventually(() => Promise.resolve(told(id)), (facts) => facts.some((f) => f.event === event));
  const hoursBetween = (facts: NotificationFacts[]) => facts.slice(1).map((f, at) => (Date.parse(f.at) - Date.parse(facts[at]!.at)) / HOUR);

  it('an approval ends as cancelled after the time of its risk, and nothing was changed; people are told once that it will', () =>
    withTimeSkipped(async (environment, start) => {
      const started = await environment.currentTimeMs();
      const answer: unknown = await (await start('expires', waiting)).result();
      expect(answer).toMatchObject({ status: 'cancelled', code: 'approval_expired', environment: 'production' });
      expect((await environment.currentTimeMs()) - started).toBeGreaterThan(71 * HOUR);
      expect(await waiting.database.query(`SELECT count(*)::int AS n FROM information_schema.schemata WHERE schema_name = 'faber_db'`)).toEqual([{ n: 0 }]);
      const seen = await heard('expires', 'ended');
      expect(seen.map((f) => f.event)).toEqual(['approval_waiting', 'approval_expiring', 'ended']);
      expect(Math.round(hoursBetween(seen)[0]!)).toBe(58);
      expect(seen.at(-1)).toMatchObject({ status: 'cancelled', code: 'approval_expired' });
    }));

  it('people are reminded of a decision, seldomer and seldomer, then once a day, until somebody decides', () =>
    withTimeSkipped(async (environment, start) => {
      const operation = await start('stops', stopped);
      await heard('stops', 'decision_waiting');
      for (let day = 0; day < 3; day += 1) await environment.sleep('24 hours');
      const seen = told('stops').slice(told('stops').findIndex((f) => f.event === 'decision_waiting')).slice(0, 7);
      expect(seen.slice(1).map((f) => f.event)).toEqual(Array.from({ length: 6 }, () => 'decision_reminder'));
      expect(hoursBetween(seen).map((hours) => Math.round(hours * 2) / 2)).toEqual([0.5, 1, 2, 4, 8, 24]);
      expect(new Set(seen.map((f) => f.record_id)).size).toBe(7);
      await operation.signal('resolve', { choice: 'accept', by: 'ana' });
      await heard('stops', 'ended');
      expect(told('stops').slice(-2).map((f) => f.event)).toEqual(['decided', 'ended']);
    }));

  it('an operation that was ended from outside is told as such, and nobody is reminded of it', () =>
    withTimeSkipped(async (environment, start) => {
      const operation = await start('gone', waiting);
      await heard('gone', 'approval_waiting');
      await operation.terminate();
      const { testService } = environment.connection as unknown as { testService: { unlockTimeSkipping(request: object): Promise<unknown> } };
      await testService.unlockTimeSkipping({});
      expect((await heard('gone', 'ended_from_outside')).map((f) => f.event)).toEqual(['approval_waiting', 'ended_from_outside']);
    }));
});
