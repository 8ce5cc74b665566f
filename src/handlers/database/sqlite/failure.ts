/** Errors of SQLite as facts, without values. */
import { maskMessage, maskStatement } from '../../migration/script/sqlite/mask.js';
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type ScriptFailure } from '../contract.js';
import { Gone, Refused } from './process/process.js';

const NOWHERE = { line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false };

/** Where a statement stands in its script. */
export interface Place { line: number; statementIndex: number; text: string }

/** @param placeOf the statement that failed, by how many were done before it */
export function scriptError(error: unknown, placeOf: (done: number) => Place | null = () => null): Error {
  if (error instanceof Gone) {
    return new ScriptError({ ...NOWHERE, sqlState: null, message: 'the process that ran it was ended from outside', connectionLost: true }, error.message, { cause: error });
  }
  if (!(error instanceof Refused)) return error instanceof Error ? error : new Error(String(error));
  const { code, message, done } = error.failure;
  const place = placeOf(done);
  const failure: ScriptFailure = { ...NOWHERE, sqlState: code, message: maskMessage(message, code), line: place?.line ?? null, statementIndex: place?.statementIndex ?? null, statement: place === null ? null : maskStatement(place.text) };
  return new ScriptError(failure, `${code ?? 'error'}: ${message}${place === null ? '' : `\n${place.text}`}`, { cause: error });
}

export function plainError(sqlState: string | null, message: string): ScriptError {
  return new ScriptError({ ...NOWHERE, sqlState, message }, message);
}

export const codeOf = (error: unknown): string => (error instanceof Refused ? (error.failure.code ?? '') : error instanceof ScriptError ? (error.failure.sqlState ?? '') : '');

/** Somebody else holds a lock: the next try may find it free. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error));

/** The file as a whole cannot be used. */
export const isUnusable = (error: unknown): boolean => /^SQLITE_(NOTADB|CORRUPT|CANTOPEN|IOERR|PERM|AUTH|READONLY)/.test(codeOf(error));

export function unreachable(what: string, details: string, suggestions: string[], cause?: unknown): FaberError {
  return new FaberError({ code: 'health_check_failed', message: `${what}: ${details}`, result: { connectivity: 'failed', error_details: details }, suggestions }, { cause });
}
