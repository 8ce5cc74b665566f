/** The lock of a database, as the change that needs it sees it. */
import { condition, getExternalWorkflowHandle, setHandler, workflowInfo } from '@temporalio/workflow';
import { queueWorkflowId } from '../../contract/names.js';
import { behindIn } from '../internal-messages.js';
import { lockGrantedSignal, lockQueuedSignal, releaseLockSignal } from '../messages.js';
import type { Steps } from './steps.js';

/** Asked again after this long without an answer, in case the queue was terminated; doubled each time. */
const ASK_AGAIN_MS = 60_000;
const ASK_AGAIN_AT_MOST_MS = 3_600_000;

export class DatabaseLock {
  #granted = false;

  constructor(
    private readonly steps: Steps,
    private readonly request: { identity_digest: string; operation: string; environment: string },
    onQueued: (behind: string[]) => void,
  ) {
    setHandler(lockGrantedSignal, () => {
      this.#granted = true;
    });
    setHandler(lockQueuedSignal, (payload) => {
      const behind = behindIn(payload);
      if (behind !== null && !this.#granted) onQueued(behind);
    });
  }

  /** Waits for the turn, however long. @throws CancelledFailure */
  async acquire(): Promise<void> {
    const { workflowId } = workflowInfo();
    for (let wait = ASK_AGAIN_MS; !this.#granted; wait = Math.min(wait * 2, ASK_AGAIN_AT_MOST_MS)) {
      await this.steps.reading.requestLock({ ...this.request, workflow_id: workflowId });
      await condition(() => this.#granted, wait);
    }
  }

  /** Gives the lock back, or leaves the queue. Never throws: a queue that is gone holds nothing. */
  async release(): Promise<void> {
    try {
      const queue = getExternalWorkflowHandle(queueWorkflowId(this.request.identity_digest));
      await queue.signal(releaseLockSignal, { workflow_id: workflowInfo().workflowId });
    } catch {
      // The queue ended; the next request starts a new one.
    }
  }
}
