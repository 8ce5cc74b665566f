import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CloudRequest } from '../../../src/contract/plugin.js';
import { type PluginFailure, PluginFailed } from '../../../src/handlers/integration/contract.js';
import { plugins } from '../../../src/handlers/integration/plugins.js';
import { eventually } from '../../support/eventually.js';
import { hook, script } from '../../support/plugin.js';
import { tempDir } from '../../support/temp.js';

const REQUEST: CloudRequest = {
  action: 'ensure-database', operation_id: 'init-1', environment: 'staging', hosting: 'aws-rds', region: 'eu-west-1', database_name: 'shop', working_directory: '/srv/shop',
};
const quick = { delivery: { timeoutMs: 700, answerBytes: null }, cloud: { timeoutMs: 700, answerBytes: 4096 } };
const patient = { delivery: { timeoutMs: 20_000, answerBytes: null }, cloud: { timeoutMs: 20_000, answerBytes: 4096 } };
const env = { PATH: process.env['PATH'], HOME: '/tmp', PROD_DATABASE_URL: 'postgresql://app:hunter2@db/shop', PGPASSWORD: 'hunter2', FABER_DB_PLUGIN_REGION: 'eu' };

async function failureOf(work: Promise<unknown>): Promise<PluginFailed> {
  const error = await work.then(() => null, (e: unknown) => e);
  expect(error).toBeInstanceOf(PluginFailed);
  return error as PluginFailed;
}

const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a plugin that is a program', () => {
  it.concurrent('gets one line of JSON on stdin, and answers on stdout', async () => {
    const folder = await tempDir();
    const plugin = await script(`cat > "${folder}/got"; echo log line >&2; echo '{"status": "pending", "retry_after_seconds": 5, "message": "creating"}'`);
    const answer = await plugins(env, patient).askCloud({ plugin, working_directory: folder }, REQUEST);
    expect(answer).toEqual({ status: 'pending', retry_after_seconds: 5, message: 'creating' });
    expect(await readFile(join(folder, 'got'), 'utf8')).toBe(`${JSON.stringify(REQUEST)}\n`);
  });

  it.concurrent('sees no credential of the worker, and what the worker was told to hand on', async () => {
    const folder = await tempDir();
    const plugin = await script(`env > "${folder}/env"; pwd > "${folder}/pwd"`);
    await plugins(env, patient).deliver({ plugin, working_directory: folder }, {});
    const seen = await readFile(join(folder, 'env'), 'utf8');
    expect(seen).not.toContain('hunter2');
    expect(seen).not.toContain('PROD_DATABASE_URL');
    expect(seen).toContain('FABER_DB_PLUGIN_REGION=eu');
    expect(await readFile(join(folder, 'pwd'), 'utf8')).toBe(`${folder}\n`);
  });

  it.concurrent('that complains of a credential of its own is quoted without it', async () => {
    const plugin = await script('echo "401: token $FABER_DB_PLUGIN_TOKEN is not valid" >&2; exit 1');
    const { message } = await failureOf(plugins({ ...env, FABER_DB_PLUGIN_TOKEN: 'tok-4711-secret' }, patient).deliver({ plugin, working_directory: '/' }, {}));
    expect(message).toMatch(/exited with code 1; it says: 401: token \*\*\* is not valid$/);
  });

  it.concurrent('is found from the working directory when it is a path, on PATH when it is a name', async () => {
    const folder = await tempDir();
    await mkdir(join(folder, 'ops'));
    await script(`echo '{"status": "ready"}'`, join(folder, 'ops'), 'a plugin');
    const place = (plugin: string) => ({ plugin, working_directory: folder });
    expect(await plugins(env, patient).askCloud(place('ops/a plugin'), REQUEST)).toEqual({ status: 'ready' });
    expect(await plugins(env, patient).askCloud(place('./ops/a plugin'), REQUEST)).toEqual({ status: 'ready' });
    expect((await failureOf(plugins(env, patient).askCloud(place('a plugin'), REQUEST))).failure).toBe('not_started');
    expect(await plugins({ ...env, PATH: `${join(folder, 'ops')}:${env.PATH}` }, patient).askCloud(place('a plugin'), REQUEST)).toEqual({ status: 'ready' });
  });

  it.concurrent('is run also when the checkout is gone, where it does not lie in it', async () => {
    const folder = await tempDir();
    const plugin = await script('exit 0');
    await rm(folder, { recursive: true });
    await expect(plugins(env, patient).deliver({ plugin, working_directory: folder }, {})).resolves.toBeUndefined();
  });

  it.concurrent('must lie in FABER_DB_ROOTS when it is a path, links followed', async () => {
    const roots = await tempDir();
    const outside = await script('exit 0');
    await symlink(outside, join(roots, 'link'));
    await script('exit 0', roots, 'inside');
    const bounded = plugins({ ...env, FABER_DB_ROOTS: roots }, patient);
    const place = (plugin: string) => ({ plugin, working_directory: roots });
    for (const plugin of [outside, './link', '../../bin/true']) expect((await failureOf(bounded.deliver(place(plugin), {}))).failure).toBe('not_allowed');
    await expect(bounded.deliver(place('./inside'), {})).resolves.toBeUndefined();
    await expect(bounded.deliver(place('true'), {})).resolves.toBeUndefined();
  });

  const FAILURES: [name: string, lines: string, failure: PluginFailure, says: RegExp][] = [
    ['exits other than 0', 'echo first >&2; echo no quota left >&2; exit 3', 'exit_code', /exited with code 3; it says: no quota left$/],
    ['is killed', 'kill -9 $$', 'ended_by_signal', /SIGKILL/],
    ['answers nothing', 'exit 0', 'not_json', /answered nothing/],
    ['answers garbage', 'echo hunter2 all good', 'not_json', /not JSON/],
    ['answers other JSON', `echo '{"status": "done hunter2"}'`, 'not_an_answer', /\(status\); expected/],
    ['fails without a reason', `echo '{"status": "failed"}'`, 'not_an_answer', /message/],
    ['answers without end', 'yes hunter2', 'too_much_output', /more than 4096 bytes/],
  ];
  it.concurrent.each(FAILURES)('that %s has failed', async (_name, lines, failure, says) => {
    const error = await failureOf(plugins(env, patient).askCloud({ plugin: await script(lines), working_directory: '/' }, REQUEST));
    expect(error.failure).toBe(failure);
    expect(error.message).toMatch(says);
    expect(error.message, 'an answer is never quoted').not.toContain('hunter2');
  });

  it.concurrent('that is not there, or not executable, could not be started', async () => {
    const folder = await tempDir();
    await writeFile(join(folder, 'text'), 'text', { mode: 0o644 });
    for (const [plugin, code] of [['./nothing', 'ENOENT'], ['./text', 'EACCES']] as const) {
      const error = await failureOf(plugins(env, patient).deliver({ plugin, working_directory: folder }, {}));
      expect(error).toMatchObject({ failure: 'not_started', message: expect.stringContaining(code) as string });
    }
  });

  it.concurrent('that hangs is ended with all that it started, also what ignores SIGTERM', async () => {
    const folder = await tempDir();
    const plugin = await script(`trap '' TERM; sleep 60 & echo $! > "${folder}/child"; echo $$ > "${folder}/self"; wait; sleep 60`);
    const error = await failureOf(plugins(env, quick).askCloud({ plugin, working_directory: folder }, REQUEST));
    expect(error.failure).toBe('timeout');
    for (const name of ['child', 'self']) {
      const pid = Number(await readFile(join(folder, name), 'utf8'));
      expect(await eventually(() => Promise.resolve(alive(pid)), (lives) => !lives)).toBe(false);
    }
  });

  it.concurrent('that leaves somebody behind with its output open has answered all the same, and nobody is left', async () => {
    const folder = await tempDir();
    const plugin = await script(`sleep 60 & echo $! > "${folder}/child"; echo '{"status": "ready"}'`);
    expect(await plugins(env, patient).askCloud({ plugin, working_directory: folder }, REQUEST)).toEqual({ status: 'ready' });
    const pid = Number(await readFile(join(folder, 'child'), 'utf8'));
    expect(await eventually(() => Promise.resolve(alive(pid)), (lives) => !lives)).toBe(false);
  });

  it.concurrent('need not read its input, and may print whatever it likes when nobody looks', async () => {
    const plugin = await script('exec 0<&-; head -c 3000000 /dev/zero');
    await expect(plugins(env, patient).deliver({ plugin, working_directory: '/' }, { big: 'x'.repeat(1_000_000) })).resolves.toBeUndefined();
  });

  it.concurrent('is ended when the operation is', async () => {
    const ended = new AbortController();
    const asked = plugins(env, patient).askCloud({ plugin: await script('sleep 60'), working_directory: '/' }, REQUEST, ended.signal);
    setTimeout(() => ended.abort(new Error('cancelled')), 200);
    await expect(asked).rejects.toThrow('cancelled');
  });
});

describe('a plugin that is a URL', () => {
  it('gets the document by POST, and answers in the body', async () => {
    const server = await hook((_request, response) => response.end('{"status": "ready"}'));
    expect(await plugins({}, patient).askCloud({ plugin: `${server.url}/cloud`, working_directory: '/' }, REQUEST)).toEqual({ status: 'ready' });
    expect(server.received[0]).toMatchObject({ path: '/cloud', headers: { 'content-type': 'application/json' } });
    expect(server.to('/cloud')).toEqual([REQUEST]);
  });

  it('has failed with any answer but 2xx, a redirect too; garbage; too much; too late; nobody there', async () => {
    const server = await hook(({ path }, response) => {
      if (path === '/500') response.writeHead(500).end('hunter2');
      if (path === '/moved') response.writeHead(307, { location: '/elsewhere' }).end();
      if (path === '/garbage') response.end('hunter2');
      if (path === '/huge') response.end('x'.repeat(5000));
      if (path === '/drip') response.write('x');
    });
    const ask = async (url: string, limits = patient) => {
      const error = await failureOf(plugins({}, limits).askCloud({ plugin: url, working_directory: '/' }, REQUEST));
      expect(error.message).not.toContain('hunter2');
      return error.failure;
    };
    expect(await ask(`${server.url}/500`)).toBe('http_status');
    expect(await ask(`${server.url}/moved`)).toBe('http_status');
    expect(await ask(`${server.url}/garbage`)).toBe('not_json');
    expect(await ask(`${server.url}/huge`)).toBe('too_much_output');
    expect(await ask(`${server.url}/silent`, quick)).toBe('timeout');
    expect(await ask(`${server.url}/drip`, quick)).toBe('timeout');
    expect(await ask('http://127.0.0.1:9')).toBe('unreachable');
    expect(server.received.map((r) => r.path)).not.toContain('/elsewhere');
  });
});
