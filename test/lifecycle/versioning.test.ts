import { randomBytes } from 'node:crypto';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { createStack } from '../support/stack.js';
import { temporal } from '../support/temporal.js';

it('an operation that waits for its approval ends on the build that it began on, with a newer one deployed meanwhile', async () => {
  const deployment = `shop-${randomBytes(4).toString('hex')}`;
  const { cli, address, namespace } = await temporal();
  const makeCurrent = async (build: string) => {
    // The server knows a build some moments after its worker polls.
    for (let tries = 0; ; tries += 1) {
      const { exitCode, stderr } = await execa(cli, ['worker', 'deployment', 'set-current-version', '--address', address, '--namespace', namespace, '--deployment-name', deployment, '--build-id', build, '--yes'], { reject: false });
      if (exitCode === 0) return;
      if (tries > 40) throw new Error(stderr);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };
  const stack = await createStack({ idle: true, env: { FABER_DB_DEPLOYMENT: deployment } });
  await stack.migration('20260101_init', 'CREATE TABLE t (id int);');
  const old = await stack.startWorker({ FABER_DB_BUILD_ID: 'one' });
  await makeCurrent('one');
  const operation = await stack.start('migrate');
  await operation.until((s) => s.phase === 'waiting_for_approval');

  await stack.startWorker({ FABER_DB_BUILD_ID: 'two' });
  await makeCurrent('two');
  const later = await stack.start('health-check');
  expect(await later.answer()).toMatchObject({ status: 'success' });
  await operation.approve();
  expect(await operation.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });

  const ranOn = async (id: string) => (await stack.client.workflow.getHandle(id).describe()).raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
  expect(await ranOn(operation.id)).toBe('one');
  const { change_workflow_id: change } = await operation.state();
  expect(await ranOn(change!)).toBe('one');
  expect(await ranOn(later.id)).toBe('two');
  await old.stop('SIGTERM', 5_000);
});
