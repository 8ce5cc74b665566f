/** What applying and reverting share about one step. */

/** Leaves the transaction of a step that was done before: thrown inside it, so that it rolls back and records nothing. */
export class AlreadyDone extends Error {
  override readonly name = 'AlreadyDone';
}

/** Whole milliseconds since a `performance.now()`. */
export const since = (started: number) => Math.round(performance.now() - started);
