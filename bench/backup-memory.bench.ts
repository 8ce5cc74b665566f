import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { createStack, sleep } from '../test/support/stack.js';
import { report } from './measure.js';

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024;
}

it('the memory of the worker stays flat while it backs up 1 GB', async () => {
  const stack = await createStack({ backup: { verify: 'checked' } });
  // What the worker loads once is not what a backup costs.
  expect(await (await stack.start('backup')).answer()).toMatchObject({ status: 'success' });
  await stack.database.query(`CREATE TABLE big AS SELECT n, string_agg(md5(n::text || i::text), '') AS text FROM generate_series(1, 200000) n, generate_series(1, 128) i GROUP BY n`);
  const [{ size }] = (await stack.database.query<{ size: number }>('SELECT pg_database_size(current_database())::float8 / 1e9 AS size')) as [{ size: number }];
  const pid = stack.worker().pid;
  const before = await residentMiB(pid);
  const operation = await stack.start('backup');
  let done = false;
  const seen: number[] = [];
  const answer = operation.answer().finally(() => (done = true));
  while (!done) {
    seen.push(await residentMiB(pid));
    await sleep(50);
  }
  expect(await answer).toMatchObject({ status: 'success' });
  report(`backing up ${size.toFixed(2)} GB: worker ${before.toFixed(0)} MiB before, at most ${Math.max(...seen).toFixed(0)} MiB meanwhile (${seen.length} samples)`);
});
