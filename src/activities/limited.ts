/** A limit on how long a look at a database may take, whatever the server does or does not answer. */
import { FaberError } from '../contract/failure.js';
import type { Resources } from './dependencies.js';

export interface Limited {
  signal: AbortSignal;
  /** The same resources; sessions of the target break off at the limit. */
  resources: Resources;
}

/**
 * @param signal of the activity: its own end is no limit that was reached
 * @throws FaberError health_check_failed when the limit was reached, whatever broke then
 */
export async function limited<T>(resources: Resources, signal: AbortSignal, seconds: number, work: (within: Limited) => Promise<T>): Promise<T> {
  const limit = AbortSignal.timeout(seconds * 1000);
  const either = AbortSignal.any([signal, limit]);
  try {
    const found = await work({ signal: either, resources: { ...resources, target: resources.target.within(either) } });
    // What goes on after a failure of one part has not failed, and has seen half.
    limit.throwIfAborted();
    return found;
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    const details = `no answer within ${seconds} seconds`;
    throw new FaberError({
      code: 'health_check_failed',
      message: `The database ${resources.target.describe()} cannot be reached: ${details}.`,
      result: { connectivity: 'failed', error_details: details },
      suggestions: ['Check that the server is not overloaded or standing still, and the network between it and the worker.'],
    }, { cause: error });
  }
}
