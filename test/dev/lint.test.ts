/** Every import rule and every promise rule of .oxlintrc.json catches a planted violation. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { tempDir } from '../support/temp.js';

const PLANTED: [file: string, rule: string, source: string][] = [
  ['src/contract/reaches-out.ts', 'no-restricted-imports', "import { x } from '../handlers/database/contract.js'; export const y = x;"],
  ['src/contract/knows-temporal.ts', 'no-restricted-imports', "import type { Duration } from '@temporalio/common'; export type D = Duration;"],
  ['src/handlers/database/postgresql/knows-temporal.ts', 'no-restricted-imports', "import type { Duration } from '@temporalio/common'; export type D = Duration;"],
  ['src/handlers/backup/calls-activity.ts', 'no-restricted-imports', "import { x } from '../../activities/backup.js'; export const y = x;"],
  ['src/workflows/uses-node.ts', 'no-restricted-imports', "import { readFileSync } from 'node:fs'; export const y = readFileSync;"],
  ['src/workflows/guarded/uses-client.ts', 'no-restricted-imports', "import { Client } from '@temporalio/client'; export const y = Client;"],
  ['src/workflows/calls-activity.ts', 'no-restricted-imports', "import { x } from '../activities/backup.js'; export const y = x;"],
  ['src/workflows/loads-contract.ts', 'no-restricted-imports', "import { x } from '../contract/index.js'; export const y = x;"],
  ['src/activities/knows-postgres.ts', 'no-restricted-imports', "import { x } from '../handlers/database/postgresql/handler.js'; export const y = x;"],
  ['src/client/runs-workflow.ts', 'no-restricted-imports', "import { x } from '../workflows/migrate.js'; export const y = x;"],
  ['src/client/cli/opens-database.ts', 'no-restricted-imports', "import pg from 'pg'; export const y = pg;"],
  ['src/activities/forgets-await.ts', 'no-floating-promises', 'async function work() {} export function run() { work(); }'],
  ['src/workflows/async-validator.ts', 'no-misused-promises', 'declare function on(o: { validator: (d: string) => void }): void; on({ validator: async () => {} });'],
  ['test/focused.test.ts', 'no-focused-tests', "import { test } from 'vitest'; test.only('one', () => {});"],
  ['test/skipped.test.ts', 'no-disabled-tests', "import { test } from 'vitest'; test.skip('one', () => {});"],
];
const ALLOWED: [file: string, source: string][] = [
  ['src/workflows/types-only.ts', "import type { x } from '../activities/backup.js'; import { SIGNALS } from '../contract/names.js'; export const y = SIGNALS; export type T = typeof x;"],
  ['src/activities/over-a-port.ts', "import { x } from '../handlers/database/contract.js'; export const y = x;"],
];

const root = process.cwd();
let reported: { file: string; rule: string }[];

beforeAll(async () => {
  const folder = await tempDir();
  for (const file of ['.oxlintrc.json', 'tsconfig.json']) await copyFile(join(root, file), join(folder, file));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const [file, , source] of [...PLANTED, ...ALLOWED.map(([f, s]) => [f, '', s] as const)]) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), `${source}\n`);
  }
  const oxlint = join(root, 'node_modules', 'oxlint', 'bin', 'oxlint');
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [oxlint, '--type-aware', '--format', 'json'], { cwd: folder }, (_, stdout) => resolve(stdout));
  });
  const { diagnostics } = JSON.parse(output) as { diagnostics: { code: string; filename: string }[] };
  reported = diagnostics.map(({ code, filename }) => ({ file: filename, rule: code }));
});

test.each(PLANTED)('%s: %s', (file, rule) => {
  expect(reported).toContainEqual({ file, rule: expect.stringContaining(`(${rule})`) as string });
});

test.each(ALLOWED)('%s is allowed', (file) => {
  expect(reported.filter((one) => one.file === file)).toEqual([]);
});
