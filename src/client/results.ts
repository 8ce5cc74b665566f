/** What each operation answers, by its name. */
import type { CancelledResponse, ErrorResponse, OperationName, ResultOf, SuccessResponse } from '../contract/index.js';

/** The answer of operation `O`. */
export type Answer<O extends OperationName = OperationName> = (Omit<SuccessResponse, 'result'> & { result: ResultOf<O> }) | ErrorResponse | CancelledResponse;
