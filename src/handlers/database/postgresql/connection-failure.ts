/** Turns what the driver, the network or the server says about a failed connection into one answer without secrets. */
import { FaberError } from '../../../contract/failure.js';
import { redactor } from '../../redact.js';
import type { PostgresTarget } from './connection-url.js';
import { TOO_MANY_CONNECTIONS } from './places.js';

const NETWORK: Record<string, string> = {
  ECONNREFUSED: 'Connection refused',
  ENOTFOUND: 'Host not found',
  EAI_AGAIN: 'Host name could not be resolved',
  EHOSTUNREACH: 'Host unreachable',
  ENETUNREACH: 'Network unreachable',
  ETIMEDOUT: 'Connection timed out',
  ECONNRESET: 'Connection reset by the server',
  EPIPE: 'Connection closed by the server',
  ENOENT: 'No unix socket there',
  EACCES: 'Permission denied on the unix socket',
};

const SUGGESTIONS: Record<string, string> = {
  '28P01': 'Check user and password in the environment variable that holds the URL.',
  '28000': 'Check pg_hba.conf and sslmode: the server refuses this way to connect.',
  '3D000': 'Check the database name in the URL. For a new one: faber-db initialize-database ENVIRONMENT. For a lost one: faber-db list-backups, then faber-db restore.',
  [TOO_MANY_CONNECTIONS]: 'All connections are taken: close idle sessions, or raise the limit (max_connections of the server, CONNECTION LIMIT of the database or role).',
  '57P03': 'The server is starting up or shutting down: try again shortly.',
};

/** Wrong password, not allowed, no such database, one that takes no connections: waiting does not help. */
const LASTING = new Set(['28P01', '28000', '3D000', '55000']);

/** A `health_check_failed` with `result: {connectivity: 'failed', error_details, lasting?, full?}`; full: it is there, every place is taken. */
export function connectionFailure(target: PostgresTarget, error: unknown): FaberError {
  const details = connectionErrorDetails(target, error);
  const code = codeOf(error) ?? '';
  const suggestion = SUGGESTIONS[code] ?? 'Check that the server runs, and host, port and firewall.';
  return new FaberError({
    code: 'health_check_failed',
    message: `The database ${target.describe()} cannot be reached: ${details}.`,
    result: { connectivity: 'failed', error_details: details, ...(LASTING.has(code) && { lasting: true }), ...(code === TOO_MANY_CONNECTIONS && { full: true }) },
    suggestions: [suggestion],
  });
}

/** One line such as `Connection refused` or `password authentication failed for user "x"`. */
function connectionErrorDetails(target: PostgresTarget, error: unknown): string {
  const code = codeOf(error);
  if (code !== null && NETWORK[code]) return NETWORK[code];
  const message = error instanceof Error ? error.message : String(error);
  if (message === 'timeout expired') return `no answer within ${target.connectTimeoutSeconds} seconds`;
  if (message.includes('client password must be')) return 'the server asks for a password and the URL has none';
  return redactor(target.secrets)(message).replace(/\.$/, '');
}

/** SQLSTATE or errno name; of the first address where several were tried. */
function codeOf(error: unknown): string | null {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : null;
}
