/** The demo as a person at a terminal uses it. Its way through a pipeline (`--yes --json`) is checked by .ci/run. */
import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { chmod, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { inDist } from '../support/dist.js';
import { markedProcesses } from '../support/marked.js';
import { tempDir } from '../support/temp.js';

const demoProgram = () => inDist('src', 'dev', 'demo', 'main.js');
/** A terminal of its own for the child, with its screen on our pipe. */
const TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

vi.setConfig({ testTimeout: 300_000 });

type Surroundings = { FABER_DB_TEST_MARK: string; TMPDIR: string };

let screen = '';
let running: ChildProcessWithoutNullStreams | undefined;

async function startAtTerminal(env: Surroundings, more: Record<string, string> = {}): Promise<{ pid: number; exitCode: Promise<number | null> }> {
  screen = '';
  const child = spawn('python3', ['-c', TERMINAL, process.execPath, await demoProgram()], { env: { ...process.env, ...env, ...more } });
  running = child;
  child.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  const exitCode = new Promise<number | null>((resolve) => child.once('close', resolve));
  await expect.poll(async () => demoPid(env.FABER_DB_TEST_MARK), { timeout: 60_000 }).toBeGreaterThan(0);
  return { pid: await demoPid(env.FABER_DB_TEST_MARK), exitCode };
}

const demoPid = async (mark: string) => (await markedProcesses(mark)).find(({ command }) => command.startsWith(process.execPath) && command.includes('demo/main.js'))?.pid ?? 0;

const shows = (text: string | RegExp) => expect.poll(() => screen, { timeout: 120_000, interval: 100 }).toMatch(text);

/** A temporary folder of its own, so that what is left over is seen. Open, since PostgreSQL may run as another account. */
async function surroundings(): Promise<Surroundings> {
  const folder = await tempDir();
  await chmod(folder, 0o755);
  return { FABER_DB_TEST_MARK: folder, TMPDIR: folder };
}

afterEach(() => {
  running?.kill('SIGKILL');
});

describe('the demo at a terminal', () => {
  test('is approved by the printed command as pasted, then by typing y; proves the undo and leaves nothing behind', async () => {
    const env = await surroundings();
    // Settings meant for another Temporal must not lead the demo there.
    const { exitCode } = await startAtTerminal(env, { TEMPORAL_ADDRESS: 'production.invalid:7233', TEMPORAL_TLS: 'true', TEMPORAL_PROFILE: 'production' });
    await shows(/--input '.*'\r\n/);
    const command = /in another shell:\r\n([\s\S]*?--input '[^']*')/.exec(screen)?.[1] ?? '';
    await promisify(execFile)('/bin/sh', ['-c', command.replaceAll('\r', '')], { env: { PATH: '/usr/bin:/bin', HOME: env.TMPDIR } });
    await shows('Release 2');
    await shows(/Release 2[\s\S]*--input '.*'\r\n/);
    running?.stdin.write('y\n');
    expect(await exitCode).toBe(0);
    expect(screen).toMatch(/Schema +as before[\s\S]*Rows +as before[\s\S]*Ledger +as before[\s\S]*Undone by the down script/);
    expect(await markedProcesses(env.FABER_DB_TEST_MARK)).toEqual([]);
    expect(await readdir(env.TMPDIR)).toEqual([]);
  });

  test('answers n with a cancelled operation and exit 1', async () => {
    const env = await surroundings();
    const { exitCode } = await startAtTerminal(env);
    await shows(/--input '.*'\r\n/);
    running?.stdin.write('n\n');
    expect(await exitCode).toBe(1);
    expect(screen).toContain('"status": "cancelled"');
    expect(await markedProcesses(env.FABER_DB_TEST_MARK)).toEqual([]);
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
    expect(await markedProcesses(env.FABER_DB_TEST_MARK)).toEqual([]);
    expect(await readdir(env.TMPDIR)).toEqual([]);
  });
});

test('without a terminal and without --yes it says what to do and starts nothing', async () => {
  const env = await surroundings();
  const result = promisify(execFile)(process.execPath, [await demoProgram()], { env: { ...process.env, ...env } });
  await expect(result).rejects.toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('npm run demo -- --yes') as string });
  expect(await readdir(env.TMPDIR)).toEqual([]);
});

test('what cannot be started ends the demo with its reason, and what was started already is gone', async () => {
  const env = await surroundings();
  const result = promisify(execFile)(process.execPath, [await demoProgram(), '--yes'], { env: { ...process.env, ...env, FABER_DB_TEMPORAL_CLI: '/bin/false' } });
  await expect(result).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('PostgreSQL') as string, stderr: expect.stringContaining('The Temporal dev server did not start') as string });
  expect(await markedProcesses(env.FABER_DB_TEST_MARK)).toEqual([]);
  expect(await readdir(env.TMPDIR)).toEqual([]);
});

test('on SQLite it proves the same, and leaves nothing behind', async () => {
  const env = await surroundings();
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [await demoProgram(), '--yes', '--json', '--database', 'sqlite'], { env: { ...process.env, ...env } });
  expect(stdout.trim().split('\n').map((line) => (JSON.parse(line) as { status: string }).status)).toEqual(['success', 'error']);
  expect(stderr).toMatch(/SQLite 3[\s\S]*Schema +as before[\s\S]*Rows +as before[\s\S]*Ledger +as before[\s\S]*Undone by the down script/);
  expect(await markedProcesses(env.FABER_DB_TEST_MARK)).toEqual([]);
  expect((await readdir(env.TMPDIR)).filter((name) => !name.startsWith('faber-db-scratch-'))).toEqual([]);
});

test('a database that it does not know is named with those that it does', async () => {
  await expect(promisify(execFile)(process.execPath, [await demoProgram(), '--yes', '--database', 'oracle'])).rejects.toMatchObject({ stderr: expect.stringContaining('postgresql, mysql, sqlite') as string });
});
