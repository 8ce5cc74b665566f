import type { OperationInput, Response } from '../contract/index.js';
import { guardedOperation } from './guarded/operation.js';

/** Empties and rebuilds a database that is not protected; the replaced one is kept. */
export async function reset(input: OperationInput): Promise<Response> {
  return guardedOperation('reset', input);
}
