/** Workflows of the tests of the queue: the real queue, and changes that do nothing but hold the lock for a moment. */
import { condition, getExternalWorkflowHandle, setHandler, workflowInfo } from '@temporalio/workflow';
import { lockGrantedSignal, lockQueuedSignal, releaseLockSignal } from '../../src/workflows/messages.js';

export { databaseQueue } from '../../src/workflows/database-queue.js';

/** @returns how often it was granted the lock before it gave it back */
export async function waiter(queue: string): Promise<number> {
  let granted = 0;
  setHandler(lockGrantedSignal, () => {
    granted += 1;
  });
  setHandler(lockQueuedSignal, () => {});
  await condition(() => granted > 0);
  await getExternalWorkflowHandle(queue).signal(releaseLockSignal, { workflow_id: workflowInfo().workflowId });
  return granted;
}
