/** The demo as a person at a terminal uses it. Its way through a pipeline (`--yes --json`) is checked by .ci/run. */
import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { chmod, readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { tempDir } from '../support/temp.js';

const DEMO = ['dist/src/dev/demo/main.js'];
/** A terminal of its own for the child, with its screen on our pipe. */
const TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

let screen = '';
let running: ChildProcessWithoutNullStreams | undefined;

async function startAtTerminal(env: Record<string, string>): Promise<{ pid: number; exitCode: Promise<number | null> }> {
  screen = '';
  const child = spawn('python3', ['-c', TERMINAL, process.execPath, ...DEMO], { env: { ...process.env, ...env } });
  running = child;
  child.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  const exitCode = new Promise<number | null>((resolve) => child.once('close', resolve));
  await expect.poll(async () => demoPid(env), { timeout: 10_000 }).toBeGreaterThan(0);
  return { pid: await demoPid(env), exitCode };
}

/** Processes that the demo started, or that they started, whatever they call themselves: children inherit the mark. */
async function marked(env: Record<string, string>): Promise<{ pid: number; command: string }[]> {
  const [name, value] = Object.entries(env).find(([key]) => key === 'FABER_DB_TEST_MARK') ?? [];
  const found = [];
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environ.split('\0').includes(`${name}=${value}`)) found.push({ pid: Number(pid), command: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') });
  }
  return found;
}

const demoPid = async (env: Record<string, string>) => (await marked(env)).find(({ command }) => command.startsWith(process.execPath) && command.includes('demo/main.js'))?.pid ?? 0;

const shows = (text: string | RegExp) => expect.poll(() => screen, { timeout: 60_000, interval: 100 }).toMatch(text);

/** A temporary folder of its own, so that what is left over is seen. Open, since PostgreSQL may run as another account. */
async function surroundings(): Promise<{ FABER_DB_TEST_MARK: string; TMPDIR: string }> {
  const folder = await tempDir();
  await chmod(folder, 0o755);
  return { FABER_DB_TEST_MARK: folder, TMPDIR: folder };
}

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['scripts/setup.mjs']);
});
afterEach(() => {
  running?.kill('SIGKILL');
});

describe('the demo at a terminal', () => {
  test('is approved by the printed command as pasted, then by typing y; proves the undo and leaves nothing behind', async () => {
    const env = await surroundings();
    const { exitCode } = await startAtTerminal(env);
    await shows(/--input '.*'\r\n/);
    const command = /in another shell:\r\n([\s\S]*?--input '[^']*')/.exec(screen)?.[1] ?? '';
    await promisify(execFile)('/bin/sh', ['-c', command.replaceAll('\r', '')], { env: { PATH: '/usr/bin:/bin', HOME: env.TMPDIR } });
    await shows('Release 2');
    await shows(/Release 2[\s\S]*--input '.*'\r\n/);
    running?.stdin.write('y\n');
    expect(await exitCode).toBe(0);
    expect(screen).toMatch(/Schema +as before[\s\S]*Rows +as before[\s\S]*Ledger +as before[\s\S]*Undone by the down script/);
    expect(await marked(env)).toEqual([]);
    expect(await readdir(env.TMPDIR)).toEqual([]);
  });

  test('answers n with a cancelled operation and exit 1', async () => {
    const env = await surroundings();
    const { exitCode } = await startAtTerminal(env);
    await shows(/--input '.*'\r\n/);
    running?.stdin.write('n\n');
    expect(await exitCode).toBe(1);
    expect(screen).toContain('"status": "cancelled"');
    expect(await marked(env)).toEqual([]);
  });

  test.each([
    ['Ctrl-C', () => running?.stdin.write('\x03')],
    ['SIGTERM', (pid: number) => process.kill(pid, 'SIGTERM')],
  ])('%s while it waits leaves no process and no file', async (_, interrupt) => {
    const env = await surroundings();
    const { pid, exitCode } = await startAtTerminal(env);
    await shows(/--input '.*'\r\n/);
    interrupt(pid);
    expect(await exitCode).toBe(130);
    expect(await marked(env)).toEqual([]);
    expect(await readdir(env.TMPDIR)).toEqual([]);
  });
});

test('without a terminal and without --yes it says what to do and starts nothing', async () => {
  const env = await surroundings();
  const result = promisify(execFile)(process.execPath, DEMO, { env: { ...process.env, ...env } });
  await expect(result).rejects.toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('npm run demo -- --yes') as string });
  expect(await readdir(env.TMPDIR)).toEqual([]);
});
