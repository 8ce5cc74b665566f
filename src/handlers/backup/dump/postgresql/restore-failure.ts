/** The error of a restore that did not come about. */
import { FaberError } from '../../../../contract/failure.js';
import type { ConnectionTarget } from '../../../database/contract.js';
import { reasonOf } from '../broken-pipe.js';
import { INSUFFICIENT_PRIVILEGE, sqlState } from '../../../database/postgresql/beside/sql-state.js';

/** A FaberError that says more is kept, but a cancel explains whatever broke because of it. */
export function restoreFailure(error: unknown, code: 'restore_failed' | 'backup_failed', what: string, target: ConnectionTarget, signal: AbortSignal): FaberError {
  const kept = ['backup_unusable', 'backup_not_found', 'health_check_failed', 'store_unavailable', 'unsupported', 'fenced_off', code];
  if (error instanceof FaberError && kept.includes(error.code) && !signal.aborted) return error;
  const { reason, suggestions } = reasonOf(error, target.secrets, signal);
  const privileges = sqlState(error) === INSUFFICIENT_PRIVILEGE ? ['Give the role of the connection CREATEDB, and let it own the database'] : [];
  const state = code === 'restore_failed' ? `. ${target.database} was not changed` : '';
  return new FaberError(
    {
      code,
      message: `${what}: ${reason}${state}`,
      result: code === 'backup_failed' ? { backup_error: reason } : { reason },
      suggestions: [...suggestions, ...privileges],
    },
    { cause: error },
  );
}
