import type { OperationInput, Response } from '../contract/index.js';
import { guardedOperation } from './guarded/operation.js';

/** Runs the project's seed, guarded. */
export async function seed(input: OperationInput): Promise<Response> {
  return guardedOperation('seed', input);
}
