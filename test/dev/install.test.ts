/** scripts/install.mjs, with a stand-in for npm that writes down how it was called. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tempDir } from '../support/temp.js';

const SCRIPT = join(process.cwd(), 'scripts', 'install.mjs');
const WANTED = { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0', dev: true }, 'node_modules/c-other-system': { version: '3.0.0', optional: true } };
const lockfile = (packages: Record<string, unknown>) => JSON.stringify({ packages });

let root: string;

/** What an npm that works does, and one that leaves half. */
async function npm(behaviour: 'works' | 'fails'): Promise<void> {
  await writeFile(
    join(root, 'npm.mjs'),
    `import { mkdirSync, writeFileSync } from 'node:fs';
     writeFileSync('called', process.argv.slice(2).join(' '));
     console.log('said by npm');
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
     if ('${behaviour}' === 'fails') process.exit(1);
     mkdirSync('node_modules', { recursive: true });
     writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(lockfile(WANTED))});`,
  );
}

async function install(): Promise<{ called: string | null; stdout: string; stderr: string; exitCode: number }> {
  const code = `import { installIfNeeded } from ${JSON.stringify(SCRIPT)}; try { installIfNeeded(process.cwd()); } catch (error) { console.error(error.message); process.exit(9); }`;
  const result = await new Promise<{ stdout: string; stderr: string; exitCode: number }>((resolve) => {
    const child = execFile(process.execPath, ['--input-type=module', '-e', code], { cwd: root, env: { ...process.env, npm_execpath: join(root, 'npm.mjs') } }, (_, stdout, stderr) =>
      resolve({ stdout, stderr, exitCode: child.exitCode ?? -1 }));
  });
  const called = await readFile(join(root, 'called'), 'utf8').catch(() => null);
  await rm(join(root, 'called'), { force: true });
  return { called, ...result };
}

async function installed(packages: Record<string, unknown>): Promise<void> {
  await mkdir(join(root, 'node_modules'), { recursive: true });
  await writeFile(join(root, 'node_modules', '.package-lock.json'), lockfile(packages));
}

beforeEach(async () => {
  root = await tempDir();
  await writeFile(join(root, 'package-lock.json'), lockfile(WANTED));
  await npm('works');
});

test('nothing installed: npm ci with dev dependencies and no install scripts, stdout kept for the answer', async () => {
  const { called, stdout, stderr, exitCode } = await install();
  expect({ called, stdout, exitCode }).toEqual({ called: 'ci --include=dev --ignore-scripts --loglevel=error', stdout: '', exitCode: 0 });
  expect(stderr).toContain('said by npm');
});

test('all installed, packages of other systems left out: npm is not called', async () => {
  const { 'node_modules/c-other-system': _, ...here } = WANTED;
  await installed(here);
  expect((await install()).called).toBeNull();
});

test.each([
  ['an interrupted install', null],
  ['an install without dev dependencies', { 'node_modules/a': { version: '1.0.0' } }],
  ['an install of an older lockfile', { ...WANTED, 'node_modules/a': { version: '0.9.0' } }],
])('%s is completed', async (_, packages) => {
  await mkdir(join(root, 'node_modules', 'a'), { recursive: true });
  if (packages) await installed(packages);
  expect((await install()).called).toContain('ci');
});

test('an npm that fails is said plainly', async () => {
  await npm('fails');
  const { exitCode, stderr } = await install();
  expect(exitCode).toBe(9);
  expect(stderr).toContain('npm ci did not work (exit 1)');
});

test('two at once take turns, and the second finds all installed', async () => {
  const [one, other] = await Promise.all([install(), install()]);
  expect([one.exitCode, other.exitCode]).toEqual([0, 0]);
  expect([one.stderr, other.stderr].filter((text) => text.includes('said by npm'))).toHaveLength(1);
});

test('a lock that a killed process left holds nobody up', async () => {
  await mkdir(join(root, '.cache'));
  await writeFile(join(root, '.cache', 'install.lock'), '999999999');
  expect(await install()).toMatchObject({ exitCode: 0, called: expect.stringContaining('ci') });
});
