/** The answer of the contract for an error. */
import { ERROR_CODES, FaberError, SUPPORT_LINK, type ErrorCode } from '../contract/failure.js';
import type { ErrorResponse, Response } from '../contract/response.js';

export interface Named {
  operation?: string;
  environment?: string;
}

/** Any error as an answer. Only expected failures tell their text; the rest may quote anything. */
export function errorResponse(error: unknown, named: Named = {}): ErrorResponse {
  const facts =
    error instanceof FaberError
      ? error
      : new FaberError({ code: 'internal', message: `Unexpected ${error instanceof Error ? error.name : 'error'} in the client`, suggestions: ['Please report it, with the version and what was asked'] });
  return {
    status: 'error',
    ...named,
    code: facts.code,
    error: facts.message,
    ...(facts.result ? { result: facts.result } : {}),
    recovery: { suggestions: facts.suggestions, ...(facts.code === 'internal' ? { support_link: SUPPORT_LINK } : {}) },
  };
}

/** The name of operation and environment, where the answer lacks them and the request had them. */
export function withNames<R extends Response>(response: R, { operation, environment }: Named): R {
  return {
    ...response,
    ...(response.operation === undefined && operation !== undefined ? { operation } : {}),
    ...(response.environment === undefined && environment !== undefined ? { environment } : {}),
  };
}

const EXIT_CODES: Record<(typeof ERROR_CODES)[ErrorCode]['family'], number> = { request: 1, failed: 3, cancelled: 4 };

/**
 * Exit code of `faber-db run` for an answer: 0 success, 1 invalid request or configuration, 3 failed, 4 cancelled or
 * refused, 5 stopped and waiting for a person's decision.
 */
export function exitCodeOf(response: Response): number {
  if (response.status === 'success') return 0;
  if (response.status === 'cancelled') return 4;
  if (response.waiting_for !== undefined && response.waiting_for.length > 0) return 5;
  return EXIT_CODES[ERROR_CODES[response.code].family];
}
