/** The SQLSTATE behind a failed statement. */
import { ScriptError } from '../../contract.js';

export const INSUFFICIENT_PRIVILEGE = '42501';

/** @returns null for anything that is not the server's refusal. */
export function sqlState(error: unknown): string | null {
  return error instanceof ScriptError ? error.failure.sqlState : null;
}
