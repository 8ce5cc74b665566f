/** Nobody outlives the worker: also not a program that blocks its event loop and never looks at its channel. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { linkPackages } from '../../../conformance/projects/link-packages.js';
import { inDist } from '../../../support/dist.js';
import { eventually } from '../../../support/eventually.js';
import { tempDir } from '../../../support/temp.js';

it('a program dies with a worker that is killed', async () => {
  const root = await tempDir();
  const mark = join(root, 'pid');
  await mkdir(join(root, 'migrations'));
  await linkPackages(root);
  await writeFile(join(root, 'package.json'), '{}');
  await writeFile(join(root, 'knexfile.js'), "module.exports = { client: 'pg' };");
  await writeFile(join(root, 'migrations', '1.js'), `require('fs').writeFileSync(${JSON.stringify(mark)}, String(process.pid)); for (;;);`);
  const place = { directory: root, environment: 'test', configFile: null, table: 'knex_migrations', schema: 'public' };
  const run = { begin: { tool: 'knex', provider: 'postgresql', place, job: { kind: 'describe' }, sessionName: 'x' }, env: { PATH: process.env['PATH'] }, timeoutSeconds: 60 };
  const code = `import { runProgram } from ${JSON.stringify(pathToFileURL(await inDist('src/handlers/migration/program/process.js')).href)};
    await runProgram({ ...${JSON.stringify(run)}, signal: new AbortController().signal, visit: async () => {} });`;
  const worker = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
  const pid = Number(await eventually(() => readFile(mark, 'utf8').catch(() => ''), (text) => text !== ''));
  expect(isThere(pid)).toBe(true);
  worker.kill('SIGKILL');
  await once(worker, 'exit');
  await eventually(async () => isThere(pid), (there) => !there);
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
