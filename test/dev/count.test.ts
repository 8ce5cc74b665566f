/** .ci/count.mjs: what a vitest report does not say counts as failed. */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../support/temp.js';

type Status = 'passed' | 'failed' | 'skipped' | 'todo' | 'pending';

async function count(suites: { status: Status; tests: Status[] }[] | null, exitCode: number): Promise<string> {
  const file = join(await tempDir(), 'report.json');
  if (suites) await writeFile(file, JSON.stringify({ testResults: suites.map(({ status, tests }) => ({ status, assertionResults: tests.map((one) => ({ status: one })) })) }));
  return execFileSync(process.execPath, ['.ci/count.mjs', file, String(exitCode)], { encoding: 'utf8' }).trim();
}

test.each<[string, Parameters<typeof count>[0], number, string]>([
  ['all passed', [{ status: 'passed', tests: ['passed', 'passed'] }], 0, '2 0'],
  ['one failed', [{ status: 'failed', tests: ['passed', 'failed'] }], 1, '1 1'],
  ['skipped and todo tests are failures', [{ status: 'passed', tests: ['passed', 'skipped', 'todo'] }], 0, '1 2'],
  ['a throwing beforeAll fails each test that it left out', [{ status: 'failed', tests: ['skipped', 'skipped'] }], 1, '0 2'],
  ['a suite that failed although its tests passed is one failure', [{ status: 'failed', tests: ['passed'] }], 1, '1 1'],
  ['a file that cannot be loaded is one failure', [{ status: 'failed', tests: [] }, { status: 'passed', tests: ['passed'] }], 1, '1 1'],
  ['an unhandled error, told by the exit code alone, is one failure', [{ status: 'passed', tests: ['passed'] }], 1, '1 1'],
  ['no test at all is a failure', [], 0, '0 1'],
  ['no report is a failure', null, 1, '0 1'],
])('%s', async (_, suites, exitCode, expected) => {
  expect(await count(suites, exitCode)).toBe(expected);
});
