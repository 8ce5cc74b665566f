/** Turns an error of the server or of the driver into a `ScriptError`: facts without values, the full text apart. */
import pg from 'pg';
import { ScriptError, type ScriptFailure } from '../contract.js';
import { locate } from './locate.js';
import { maskMessage, raised } from './mask-message.js';

export interface Attempted {
  /** What was sent. */
  sql: string;
  /** Statements of it that had completed; null when not known. */
  statementIndex: number | null;
  /** What was being done, put before the message: `at COMMIT`. */
  phase?: string;
}

/** Never throws; an error that is neither the server's nor the connection's is given back as it is. */
export async function serverFailure(error: unknown, attempted: Attempted): Promise<unknown> {
  if (error instanceof ScriptError) return error;
  if (isLost(error)) return connectionLost(error, attempted.phase);
  if (!(error instanceof pg.DatabaseError)) return error;
  const position = error.position ? Number(error.position) : null;
  const place = await locate(attempted.sql, position, attempted.statementIndex);
  const message = await maskMessage(error, attempted.sql);
  const failure: ScriptFailure = {
    sqlState: error.code ?? null,
    message: attempted.phase ? `${attempted.phase}: ${message}` : message,
    ...place,
    objects: raised(error) ? {} : objectsOf(error),
    connectionLost: false,
  };
  return new ScriptError(failure, fullText(error), { cause: error });
}

/**
 * Whether the session is gone: FATAL and PANIC end it, class 08 is the connection's own, and the driver has its words
 * for a closed socket.
 */
export function isLost(error: unknown): boolean {
  if (error instanceof ScriptError) return error.failure.connectionLost;
  if (error instanceof pg.DatabaseError) {
    return error.severity === 'FATAL' || error.severity === 'PANIC' || /^(08|57P0[1-5])/.test(error.code ?? '');
  }
  if (!(error instanceof Error)) return false;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return /^(ECONN|EPIPE|ETIMEDOUT|ERR_STREAM)/.test(code) || /^Connection terminated|not queryable$|Client was closed/.test(error.message);
}

/** The session broke: what it had sent may have taken effect or not. */
export function connectionLost(error: unknown, phase = 'while it ran'): ScriptError {
  const sqlState = error instanceof pg.DatabaseError ? (error.code ?? null) : null;
  const ended = sqlState?.startsWith('57P') ? 'the server ended the session' : 'the connection to the server broke';
  return new ScriptError(
    { sqlState, message: `${ended} ${phase}`, line: null, statementIndex: null, statement: null, objects: {}, connectionLost: true },
    error instanceof Error ? error.message : String(error),
    { cause: error },
  );
}

function objectsOf(error: pg.DatabaseError): Record<string, string> {
  const { schema, table, column, constraint, dataType: type } = error;
  return Object.fromEntries(Object.entries({ schema, table, column, constraint, type }).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Everything that the server said, for an artifact that only the operator can read. */
function fullText(error: pg.DatabaseError): string {
  const lines = [`${error.severity}: ${error.message} (SQLSTATE ${error.code})`];
  for (const [label, text] of [['DETAIL', error.detail], ['HINT', error.hint], ['CONTEXT', error.where], ['QUERY', error.internalQuery]]) {
    if (text) lines.push(`${label}: ${text}`);
  }
  return lines.join('\n');
}
