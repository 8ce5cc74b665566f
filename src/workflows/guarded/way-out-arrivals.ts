/** Where the signals of a change come from: from people, or handed on by its operation. */
import { workflowInfo } from '@temporalio/workflow';
import { SIGNALS } from '../../contract/names.js';
import type { Arrival } from './approval.js';

export class WayOutArrivals {
  #count = 0;

  /**
   * The signal's place in a history. One that was handed on says where the person's own stands in the operation's history; that it
   * says so proves nothing: whatever stands there is read and verified.
   */
  of(payload: unknown): Arrival {
    this.#count += 1;
    const { workflowId, runId, parent } = workflowInfo();
    const forwarded = (payload as { forwarded?: unknown } | null | undefined)?.forwarded;
    const { workflow_id, run_id, nth } =
      typeof forwarded === 'number' && Number.isInteger(forwarded) && forwarded > 0 && parent !== undefined
        ? { workflow_id: parent.workflowId, run_id: parent.runId, nth: forwarded }
        : { workflow_id: workflowId, run_id: runId, nth: this.#count };
    return { signal: { workflow_id, run_id, name: SIGNALS.resolve, nth } };
  }
}
