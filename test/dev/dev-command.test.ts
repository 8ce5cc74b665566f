/** `faber-db dev`, as a person runs it. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../src/dev/free-port.js';
import { inDist } from '../support/dist.js';
import { markedProcesses } from '../support/marked.js';
import { tempDir } from '../support/temp.js';

const faberDb = async () => join(await inDist(), '..', 'bin', 'faber-db.js');

let mark: string;
let address: string;
let dev: ChildProcess | undefined;
let said = '';
let exitCode: Promise<number | null>;

beforeEach(async () => {
  mark = await tempDir();
  const port = await freePort();
  address = `127.0.0.1:${port}`;
  said = '';
  dev = spawn(process.execPath, [await faberDb(), 'dev', '--port', String(port), '--headless', '--database-file', `${mark}/temporal.db`], {
    env: { ...process.env, FABER_DB_TEST_MARK: mark, FABER_DB_METRICS: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  dev.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  exitCode = new Promise((resolve) => dev?.once('close', resolve));
  await expect.poll(() => said, { timeout: 150_000 }).toContain('Ctrl-C ends both');
});
afterEach(() => dev?.kill('SIGTERM'));

describe('faber-db dev', () => {
  test('answers clients, and a signal ends server and worker', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [await faberDb(), 'list', '--address', address, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'success', result: { operations: [] } });
    dev?.kill('SIGTERM');
    expect(await exitCode).toBe(0);
    expect(await markedProcesses(mark)).toEqual([]);
  });

  test('a worker that dies ends the server too, with exit 1', async () => {
    const worker = (await markedProcesses(mark)).find(({ command }) => command.endsWith('dist/worker.js'));
    process.kill(worker?.pid ?? 0, 'SIGKILL');
    expect(await exitCode).toBe(1);
    expect(said).toContain('The worker ended by itself');
    expect(await markedProcesses(mark)).toEqual([]);
  });

  test('a port that is taken is said, and nothing stays running', async () => {
    const second = promisify(execFile)(process.execPath, [await faberDb(), 'dev', '--port', address.split(':')[1] ?? '', '--headless']);
    await expect(second).rejects.toMatchObject({ code: 3, stderr: expect.stringContaining('is in use already') as string });
  });
});
