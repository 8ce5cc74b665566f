/** Turns what the driver, the network or the server says about a failed connection into one answer without secrets. */
import { FaberError } from '../../../contract/failure.js';
import { redactor } from '../../redact.js';
import type { MysqlTarget } from './url.js';

const NETWORK: Record<string, string> = {
  ECONNREFUSED: 'Connection refused', ENOTFOUND: 'Host not found', EAI_AGAIN: 'Host name could not be resolved', EHOSTUNREACH: 'Host unreachable',
  ENETUNREACH: 'Network unreachable', ECONNRESET: 'Connection reset by the server', EPIPE: 'Connection closed by the server',
  ENOENT: 'No unix socket there', EACCES: 'Permission denied on the unix socket', PROTOCOL_CONNECTION_LOST: 'The server closed the connection',
};

const SUGGESTIONS: Record<number, string> = {
  1045: 'Check user and password in the environment variable that holds the URL.',
  1044: 'Check that the user may use the database: SHOW GRANTS.',
  1049: 'Check the database name in the URL. For a new one: faber-db initialize-database ENVIRONMENT. For a lost one: faber-db list-backups, then faber-db restore.',
  1040: 'All connections are taken: close idle sessions, or raise max_connections.',
  1203: 'All connections of this user are taken: close idle sessions, or raise max_user_connections.',
};

export const TOO_MANY_CONNECTIONS: readonly number[] = [1040, 1203, 1226];
/** Wrong password, not allowed, no such database: waiting does not help. */
const LASTING: readonly number[] = [1044, 1045, 1049, 1698];

/** A `health_check_failed` with `result: {connectivity: 'failed', error_details, lasting?, full?, errno?}`. */
export function connectionFailure(target: MysqlTarget, error: unknown): FaberError {
  const { errno, code, message } = error as { errno?: number; code?: string; message?: string };
  const details = NETWORK[code ?? '']
    ?? (code === 'ETIMEDOUT' ? `no answer within ${target.connectTimeoutSeconds} seconds` : redactor(target.secrets)(message ?? String(error)).replace(/\.$/, ''));
  const number = typeof errno === 'number' && errno > 0 ? errno : null;
  return new FaberError({
    code: 'health_check_failed',
    message: `The database ${target.describe()} cannot be reached: ${details}.`,
    result: {
      connectivity: 'failed', error_details: details,
      ...(number !== null && { errno: number }),
      ...(number !== null && LASTING.includes(number) && { lasting: true }),
      ...(number !== null && TOO_MANY_CONNECTIONS.includes(number) && { full: true }),
    },
    suggestions: [SUGGESTIONS[number ?? 0] ?? 'Check that the server runs, and host, port and firewall.'],
  }, { cause: error });
}
