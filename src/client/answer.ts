/** The answer that a closed operation gave, from the way in which its workflow ended. */
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure, WorkflowFailedError } from '@temporalio/client';
import { CancelledResponse, ErrorResponse, Response } from '../contract/response.js';
import { errorResponse, withNames, type Named } from './error-response.js';
import { FaberError } from '../contract/failure.js';

/** A completed workflow returns its answer. */
export function answerOfResult(result: unknown, named: Named): Response {
  const parsed = Response.safeParse(result);
  if (parsed.success) return withNames(parsed.data, named);
  return errorResponse(new FaberError({ code: 'internal', message: 'The operation ended with something that is no answer', suggestions: ['Worker and client may be of different releases'] }), named);
}

/** A failed operation fails its workflow, with the error answer as the failure's details. Undefined: not about the workflow. */
export function answerOfFailure(error: unknown, named: Named): Response | undefined {
  if (!(error instanceof WorkflowFailedError)) return undefined;
  const { cause } = error;
  if (cause instanceof ApplicationFailure) {
    const parsed = ErrorResponse.safeParse(cause.details?.[0]);
    if (parsed.success) return withNames(parsed.data, named);
    return errorResponse(new FaberError({ code: 'internal', message: `The operation failed outside its steps (${cause.type ?? 'unknown'})`, suggestions: ['The Temporal Web UI shows the failure'] }), named);
  }
  if (cause instanceof CancelledFailure) {
    return CancelledResponse.parse({ status: 'cancelled', operation: named.operation ?? 'unknown', ...named, code: 'cancelled', message: 'The operation was cancelled' });
  }
  const how = cause instanceof TerminatedFailure ? 'terminated' : cause instanceof TimeoutFailure ? 'ended by a timeout of Temporal' : 'ended';
  return errorResponse(
    new FaberError({
      code: 'internal',
      message: `The operation was ${how} from outside; a change that it had begun goes on in its own workflow`,
      suggestions: ['In Temporal, a running workflow guardedChange whose id begins with the id of the operation is that change', 'Start the operation again with another id: it looks at what is there first'],
    }),
    named,
  );
}
