import type { OperationInput, Response } from '../contract/index.js';
import { guardedOperation } from './guarded/operation.js';

/** Undoes the last migrations, guarded. */
export async function rollback(input: OperationInput): Promise<Response> {
  return guardedOperation('rollback', input);
}
