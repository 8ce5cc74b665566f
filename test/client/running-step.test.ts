import { expect, it } from 'vitest';
import { FaberClient } from '../../src/client/index.js';
import { createStack } from '../support/stack.js';
import { temporal } from '../support/temporal.js';

it('shows which migration runs while it runs', async () => {
  const stack = await createStack();
  await stack.migration('20260101_quick', 'CREATE TABLE t (id int);');
  await stack.migration('20260102_slow', 'SELECT pg_sleep(3);');
  const operation = await stack.start('migrate');
  const { address, namespace } = await temporal();
  const client = await FaberClient.connect({ address, namespace });
  try {
    const seen = new Set<string>();
    const watching = (async () => {
      for await (const state of client.watch(operation.id)) for (const { message } of state.progress) seen.add(message);
    })();
    await operation.approve();
    expect(await operation.answer()).toMatchObject({ status: 'success' });
    await watching;
    expect([...seen]).toContain('Applying 2 of 2: 20260102_slow');
  } finally {
    await client.close();
  }
});
