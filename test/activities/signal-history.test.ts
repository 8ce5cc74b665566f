/** Signals are read from histories of any size, through a client whose messages hold 4 MiB. */
import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { expect, it } from 'vitest';
import { SignalHistory } from '../../src/activities/signal-history.js';
import { temporal } from '../support/temporal.js';

it('finds each signal of a history that no message could hold, and the event that started it', async () => {
  const { address, namespace } = await temporal();
  // This kind of connection takes no larger message than 4 MiB, the worker's own does. Without its retries, which take half a minute.
  const connection = await Connection.connect({ address, interceptors: [] });
  const client = new Client({ connection, namespace });
  // Nobody runs it: the signals stay as they come.
  const handle = await client.workflow.start('nothing', { workflowId: `flood-${randomBytes(4).toString('hex')}`, taskQueue: 'nobody' });
  const execution = { workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
  for (let n = 1; n <= 6; n += 1) await handle.signal('approve', { n, comment: 'x'.repeat(1_400_000) });
  for (let n = 0; n < 100; n += 1) await handle.signal('noise', n);
  await handle.signal('reject', { n: 7 });
  await expect(handle.fetchHistory()).rejects.toThrow('larger than max');

  const history = SignalHistory.of(client, execution, ['approve', 'reject']);
  const numberOf = async (name: string, nth: number) => {
    const data = (await history.nth(name, nth))?.workflowExecutionSignaledEventAttributes?.input?.payloads?.[0]?.data;
    return data ? (JSON.parse(Buffer.from(data).toString()) as { n: number }).n : null;
  };
  expect(await numberOf('approve', 1)).toBe(1);
  expect(await numberOf('reject', 1)).toBe(7);
  for (const nth of [2, 3, 4, 5, 6]) expect(await numberOf('approve', nth)).toBe(nth);
  expect(await numberOf('approve', 7)).toBeNull();
  expect((await history.first())?.workflowExecutionStartedEventAttributes?.workflowType?.name).toBe('nothing');
  await handle.terminate();
  await connection.close();
});

it('reads no further than it is asked', async () => {
  const asked: number[] = [];
  const signal = (n: number) => ({ eventId: n, workflowExecutionSignaledEventAttributes: { signalName: 'approve' } }) as never;
  const history = new SignalHistory(async (_size, token) => {
    const at = token?.[0] ?? 0;
    asked.push(at);
    return { events: [signal(at + 1)], next: Uint8Array.of(at + 1) };
  }, ['approve']);
  await history.nth('approve', 2);
  await history.nth('approve', 1);
  expect(asked).toEqual([0, 1]);
});
