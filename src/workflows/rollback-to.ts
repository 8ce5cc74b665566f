import type { OperationInput, Response } from '../contract/index.js';
import { guardedOperation } from './guarded/operation.js';

/** Undoes down to a migration, or restores a backup, guarded. */
export async function rollbackTo(input: OperationInput): Promise<Response> {
  return guardedOperation('rollback-to', input);
}
