import type { OperationInput, Response } from '../contract/index.js';
import { guardedOperation } from './guarded/operation.js';

/** Makes a backup the database, guarded; the replaced one is kept. */
export async function restore(input: OperationInput): Promise<Response> {
  return guardedOperation('restore', input);
}
