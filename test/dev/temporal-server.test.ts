import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { describe, expect, test } from 'vitest';
import { temporalCli } from '../../src/dev/temporal-cli.js';
import { startTemporal } from '../../src/dev/temporal-server.js';
import { temporal, timeSkippingServer } from '../support/temporal.js';

describe('the Temporal dev server', () => {
  test('answers the CLI that started it', async () => {
    const { address, cli } = await temporal();
    const { stdout } = await promisify(execFile)(cli, ['operator', 'cluster', 'health', '--address', address]);
    expect(stdout).toContain('SERVING');
  });

  test('serves the Web UI, and nothing is left after stop', async () => {
    const server = await startTemporal(await temporalCli(() => {}));
    expect(await (await fetch(server.webUi ?? '')).text()).toContain('<html');
    await server.stop();
    expect(() => process.kill(-server.pid, 0)).toThrow('ESRCH');
    await expect(fetch(server.webUi ?? '')).rejects.toThrow();
  });

  test('says what the server said when it does not start', async () => {
    await expect(startTemporal('/bin/false')).rejects.toThrow('did not start');
  });

  test('the time-skipping server starts from the fetched program', async () => {
    const environment = await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path: await timeSkippingServer() } },
    });
    const before = await environment.currentTimeMs();
    await environment.sleep('1 day');
    expect((await environment.currentTimeMs()) - before).toBeGreaterThanOrEqual(86_400_000);
    await environment.teardown();
  });
});
