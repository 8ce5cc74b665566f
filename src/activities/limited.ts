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
 * @param reached thrown when the limit was, whatever broke then
 * @throws FaberError health_check_failed unless `reached` says otherwise
 */
export async function limited<T>(
  resources: Resources, signal: AbortSignal, seconds: number, work: (within: Limited) => Promise<T>, reached: FaberError = noAnswer(resources, seconds),
): Promise<T> {
  const limit = AbortSignal.timeout(seconds * 1000);
  const either = AbortSignal.any([signal, limit]);
  try {
    const found = await work({ signal: either, resources: { ...resources, target: resources.target.within(either) } });
    // What goes on after a failure of one part has not failed, and has seen half.
    limit.throwIfAborted();
    return found;
  } catch (error) {
    throw limit.aborted && !signal.aborted ? reached : error;
  }
}

function noAnswer({ target }: Resources, seconds: number): FaberError {
  const details = `no answer within ${seconds} seconds`;
  return new FaberError({
    code: 'health_check_failed',
    message: `The database ${target.describe()} cannot be reached: ${details}.`,
    result: { connectivity: 'failed', error_details: details },
    suggestions: ['Check that the server is not overloaded or standing still, and the network between it and the worker.'],
  });
}
