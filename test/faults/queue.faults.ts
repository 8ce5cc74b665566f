import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QUEUE_WORKFLOW } from '../../src/contract/names.js';
import { eventually } from '../support/eventually.js';
import { eventsOf, type HistoryEvent } from '../support/history.js';
import { RAW_PAYLOADS, signalRaw } from '../support/raw-payloads.js';
import { temporal } from '../support/temporal.js';

/** A run is handed over from here on (the server's suggestion); what comes in meanwhile is on top. */
const SUGGESTED = 4_096;
/** As worker.ts has it. */
const PATIENCE = { isolateExecutionTimeout: '2 minutes' };
const MOST_EVENTS = SUGGESTED + 1_500;

describe('the queue of a database', { timeout: 600_000 }, () => {
  const taskQueue = `queue-${randomBytes(5).toString('hex')}`;
  let client: Client;
  let worker: Worker;
  let running: Promise<void>;
  let native: NativeConnection;
  beforeAll(async () => {
    const { address, namespace } = await temporal();
    client = new Client({ connection: await Connection.connect({ address }), namespace });
    native = await NativeConnection.connect({ address });
    worker = await Worker.create({
      connection: native, namespace, taskQueue,
      workflowsPath: fileURLToPath(new URL('queue-waiters.ts', import.meta.url)),
      ...PATIENCE,
      dataConverter: { payloadConverterPath: fileURLToPath(new URL('../../dist/src/temporal/payload-converter.js', import.meta.url)) },
      activities: { isRunning: async ({ workflow_id }: { workflow_id: string }) => (await client.workflow.getHandle(workflow_id).describe()).status.name === 'RUNNING' },
    });
    running = worker.run();
  });
  afterAll(async () => {
    worker.shutdown();
    await running;
    await native.close();
    await client.connection.close();
  });

  const changeId = (prefix: string, at: number) => `${prefix}-${String(at).padStart(4, '0')}/change-00000000-1`;
  const asks = (workflow_id: string) => ({ workflow_id, operation: 'migrate', environment: 'production' });

  /** All runs of a queue: their numbers of events, and what was asked and granted, in order. */
  async function runsOf(queue: string) {
    const asked: string[] = [];
    const granted: string[] = [];
    const sizes: number[] = [];
    const failures: string[] = [];
    /** Of the last run: the waiters that it began with, and how many requests came to itself. */
    let handed: string[] = [];
    let askedBefore = 0;
    for (let runId: string | undefined = await firstRun(queue); runId !== undefined; ) {
      const events: HistoryEvent[] = await eventsOf(client, queue, runId);
      sizes.push(events.length);
      const input = events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
      handed = input ? (JSON.parse(Buffer.from(input).toString()) as { waiting: { workflow_id: string }[] }).waiting.map((w) => w.workflow_id) : [];
      askedBefore = asked.length;
      runId = undefined;
      for (const event of events) {
        const signal = event.workflowExecutionSignaledEventAttributes;
        const named = signal?.signalName === 'requestLock' ? /"workflow_id":"([^"]+)"/.exec(Buffer.from(signal.input!.payloads![0]!.data!).toString())?.[1] : undefined;
        if (named !== undefined) asked.push(named);
        const sent = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
        if (sent?.signalName === 'lockGranted') granted.push(sent.workflowExecution!.workflowId!);
        const failed = event.workflowTaskFailedEventAttributes;
        // The server ends a task by itself, without a failure, while signals come in: before a hand-over, or when too many wait.
        if (failed?.failure?.message && failed.failure.message !== 'UnhandledCommand') failures.push(failed.failure.message);
        runId = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? runId;
      }
    }
    return { asked, granted, sizes, failures, handed, askedLast: asked.length - askedBefore };
  }
  async function firstRun(queue: string): Promise<string> {
    const { raw } = await client.workflow.getHandle(queue).describe();
    return raw.workflowExecutionInfo!.firstRunId!;
  }

  /**
   * A few at a time: signals arrive while others are worked on, and while the queue hands over to its next run. With more, the
   * server ends tasks over and over (at 100 events that wait for one) and the test takes minutes.
   */
  async function inParallel(count: number, one: (at: number) => Promise<unknown>): Promise<void> {
    let next = 0;
    await Promise.all(Array.from({ length: 4 }, async () => {
      for (let at = next++; at < count; at = next++) await one(at);
    }));
  }

  it('grants 1 000 waiters once each, in the order of asking, over several runs of bounded history', async () => {
    const queue = `queue-of-${randomBytes(5).toString('hex')}`;
    const prefix = `w-${randomBytes(4).toString('hex')}`;
    // A holder that nothing runs: it keeps the lock until it is released by hand.
    const holder = changeId(prefix, 9_999);
    await client.workflow.start('nothing', { workflowId: holder, taskQueue: `${taskQueue}-nobody` });
    await client.workflow.signalWithStart(QUEUE_WORKFLOW, { workflowId: queue, taskQueue, signal: 'requestLock', signalArgs: [asks(holder)] });
    await inParallel(1_000, async (at) => {
      const workflowId = changeId(prefix, at);
      // Nobody behind most of these names, as after a change that was terminated: skipped at its turn.
      if (at % 10 === 0) await client.workflow.start('waiter', { workflowId, taskQueue, args: [queue] });
      await client.workflow.getHandle(queue).signal('requestLock', asks(workflowId));
      // Asked twice, as an activity that is tried again does, and nonsense in between.
      if (at % 50 === 0) await client.workflow.getHandle(queue).signal('requestLock', asks(workflowId));
      if (at % 20 === 0) await signalRaw(client, queue, 'requestLock', RAW_PAYLOADS['broken json']);
    });
    await client.workflow.getHandle(queue).signal('releaseLock', { workflow_id: holder });
    await client.workflow.getHandle(queue).result();
    await client.workflow.getHandle(holder).terminate();

    const { asked, granted, sizes, failures } = await runsOf(queue);
    expect(asked).toHaveLength(1 + 1_000 + 20);
    expect(granted).toEqual([...new Set(asked)]);
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThan(MOST_EVENTS);
    expect(sizes.slice(0, -1).every((size) => size >= 4_000)).toBe(true);
    expect(failures).toEqual([]);
    expect(await Promise.all([0, 500, 990].map((at) => client.workflow.getHandle(changeId(prefix, at)).result()))).toEqual([1, 1, 1]);
  });

  it('loses no waiter that asks at the moment of the hand-over', async () => {
    const queue = `queue-of-${randomBytes(5).toString('hex')}`;
    const prefix = `h-${randomBytes(4).toString('hex')}`;
    const holder = changeId(prefix, 9_999);
    await client.workflow.start('nothing', { workflowId: holder, taskQueue: `${taskQueue}-nobody` });
    await client.workflow.signalWithStart(QUEUE_WORKFLOW, { workflowId: queue, taskQueue, signal: 'requestLock', signalArgs: [asks(holder)] });
    const handle = client.workflow.getHandle(queue);
    const runs = new Set<string>();
    let asked = 0;
    while (runs.size < 2) {
      await Promise.all(Array.from({ length: 4 }, async () => handle.signal('requestLock', asks(changeId(prefix, asked++)))));
      runs.add((await handle.describe()).runId);
      await pause(10);
      if (asked > 2_500) throw new Error('the queue never handed over');
    }
    await handle.terminate();
    await client.workflow.getHandle(holder).terminate();
    // What the last run was handed, and what it was asked itself, is all that was ever asked, in order.
    const seen = await runsOf(queue);
    expect(seen.asked).toHaveLength(1 + asked);
    expect([holder, ...seen.handed, ...seen.asked.slice(seen.asked.length - seen.askedLast)]).toEqual(seen.asked);
    expect(seen.granted).toEqual([holder]);
    expect(Math.max(...seen.sizes)).toBeLessThan(MOST_EVENTS);
    expect(seen.failures).toEqual([]);
  });

  it('lets in no more than fit into a hand-over, whatever floods it', async () => {
    const queue = `queue-of-${randomBytes(5).toString('hex')}`;
    const holder = changeId(queue, 1);
    await client.workflow.start('nothing', { workflowId: holder, taskQueue: `${taskQueue}-nobody` });
    await client.workflow.signalWithStart(QUEUE_WORKFLOW, { workflowId: queue, taskQueue, signal: 'requestLock', signalArgs: [asks(holder)] });
    const handle = client.workflow.getHandle(queue);
    await inParallel(600, (at) => handle.signal('requestLock', asks(changeId('x'.repeat(900), at))));
    await handle.signal('requestLock', { ...asks(changeId(queue, 2)), environment: 'e'.repeat(100_000) });
    await handle.signal('releaseLock', { workflow_id: holder });
    await eventually(async () => (await handle.describe()).status.name, (status) => status !== 'RUNNING', 300);
    expect((await handle.describe()).status.name).toBe('COMPLETED');
    const { granted } = await runsOf(queue);
    expect(granted.length).toBeGreaterThan(300);
    expect(granted.length).toBeLessThan(500);
    await client.workflow.getHandle(holder).terminate();
  });
});
