/** An object or upload that is not there is an answer, not a failure. */
import { nameOf, statusOf } from './failure.js';

/** @returns null. @throws anything else; a bucket that is not there has the same status, and is a failure */
export function ifMissing(error: unknown): null {
  if (statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket') return null;
  throw error;
}
