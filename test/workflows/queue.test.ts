/** The queue of a database while a worker dies in the middle of its look after the holder. */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { QUEUE_WORKFLOW } from '../../src/contract/names.js';
import { inDist } from '../support/dist.js';
import { temporal } from '../support/temporal.js';

it('gives the lock on at once when it is given back, also while a look after its holder hangs', async () => {
  const { address, namespace } = await temporal();
  const taskQueue = `queue-${randomBytes(5).toString('hex')}`;
  const client = new Client({ connection: await Connection.connect({ address }), namespace });
  const native = await NativeConnection.connect({ address });
  let look!: () => void;
  let end!: () => void;
  const looked = new Promise<void>((resolve) => (look = resolve));
  const over = new Promise<void>((resolve) => (end = resolve));
  const worker = await Worker.create({
    connection: native, namespace, taskQueue,
    workflowsPath: fileURLToPath(new URL('../faults/queue-waiters.ts', import.meta.url)),
    dataConverter: { payloadConverterPath: await inDist('src', 'temporal', 'payload-converter.js') },
    activities: { isRunning: () => (look(), over.then(() => true)) },
  });
  const running = worker.run();
  try {
    const queue = `queue-of-${randomBytes(5).toString('hex')}`;
    const id = (n: number) => `${queue}-${n}/change-00000000-1`;
    const asks = (n: number) => ({ workflow_id: id(n), operation: 'migrate', environment: 'production' });
    const holder = await client.workflow.start('nothing', { workflowId: id(1), taskQueue: `${taskQueue}-nobody` });
    await client.workflow.signalWithStart(QUEUE_WORKFLOW, { workflowId: queue, taskQueue, signal: 'requestLock', signalArgs: [asks(1)] });
    const waiter = await client.workflow.start('waiter', { workflowId: id(2), taskQueue, args: [queue] });
    await client.workflow.getHandle(queue).signal('requestLock', asks(2));
    await looked;
    await client.workflow.getHandle(queue).signal('releaseLock', { workflow_id: id(1) });
    // Its look would be given up after half a minute only, and then tried again.
    expect(await waiter.result()).toBe(1);
    end();
    await client.workflow.getHandle(queue).result();
    await holder.terminate();
  } finally {
    end();
    worker.shutdown();
    await running;
    await native.close();
    await client.connection.close();
  }
});
