import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createActivities } from '../../src/activities/index.js';
import { dependencies, workflowCode } from '../../worker.js';
import { createStack, type Stack } from '../support/stack.js';
import { timeSkippingServer } from '../support/temporal.js';

describe('the wait for an approval, with time skipped', () => {
  let environment: TestWorkflowEnvironment;
  let worker: Worker;
  let running: Promise<void>;
  let stack: Stack;

  beforeAll(async () => {
    stack = await createStack({ idle: true, safety: { approval: { timeouts: { low: 259_200 } } } });
    await stack.migration('20260101000000_init', 'CREATE TABLE t (id int);');
    environment = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path: await timeSkippingServer() } } });
    worker = await Worker.create({
      connection: environment.nativeConnection,
      taskQueue: 'expiry',
      ...workflowCode(),
      activities: createActivities(dependencies({ ...process.env, PROD_DATABASE_URL: stack.database.url })),
    });
    running = worker.run();
  });
  afterAll(async () => {
    worker.shutdown();
    await running;
    await environment.teardown();
  });

  it('ends as cancelled after the time of its risk, and nothing was changed', async () => {
    const request = { operation: 'migrate', parameters: { environment: 'production', working_directory: stack.directory } };
    const started = await environment.currentTimeMs();
    const answer = await environment.client.workflow.execute('migrate', {
      workflowId: 'expires', taskQueue: 'expiry', args: [{ request, requested_by: 'pipeline' }],
    });
    expect(answer).toMatchObject({ status: 'cancelled', code: 'approval_expired', environment: 'production' });
    expect((await environment.currentTimeMs()) - started).toBeGreaterThan(71 * 3_600_000);
    expect(await stack.database.query(`SELECT count(*)::int AS n FROM information_schema.schemata WHERE schema_name = 'faber_db'`)).toEqual([{ n: 0 }]);
  });
});
