import type { OperationInput, Response } from '../contract/index.js';
import { guardedOperation } from './guarded/operation.js';

/** Makes sure that server and database are there, with all migrations applied. */
export async function initializeDatabase(input: OperationInput): Promise<Response> {
  return guardedOperation('initialize-database', input);
}
