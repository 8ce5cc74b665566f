import type { OperationInput, Response } from '../contract/index.js';
import { guardedOperation } from './guarded/operation.js';

/** Applies pending migrations, guarded. */
export async function migrate(input: OperationInput): Promise<Response> {
  return guardedOperation('migrate', input);
}
