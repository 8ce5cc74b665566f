/** The error of a restore that did not come about. */
import { FaberError } from '../../../../contract/failure.js';
import type { MysqlTarget } from '../../../database/mysql/url.js';
import { reasonOf } from '../broken-pipe.js';

/** A FaberError that says more is kept, but a cancel explains whatever broke because of it. */
export function restoreFailure(error: unknown, code: 'restore_failed' | 'backup_failed', what: string, target: MysqlTarget, signal: AbortSignal): FaberError {
  const kept = ['backup_unusable', 'backup_not_found', 'health_check_failed', 'store_unavailable', 'unsupported', 'fenced_off', code];
  if (error instanceof FaberError && kept.includes(error.code) && !signal.aborted) return error;
  const { reason, suggestions } = reasonOf(error, target.secrets, signal);
  const state = code === 'restore_failed' ? `. ${target.database} was not changed` : '';
  return new FaberError({ code, message: `${what}: ${reason}${state}`, result: code === 'backup_failed' ? { backup_error: reason } : { reason }, suggestions }, { cause: error });
}
