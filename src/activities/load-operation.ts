import { FaberError } from '../contract/failure.js';
import type { OperationName, Request } from '../contract/operation.js';
import { parseRequest } from '../contract/request.js';
import { requestDigest } from '../contract/request-digest.js';
import type { LoadedOperation } from './contract.js';
import type { Dependencies } from './dependencies.js';

/** Parses the request and loads the config where the directory is. Workflows can be started by anybody: nothing is trusted. */
export async function loadOperation(deps: Dependencies, input: { operation: OperationName; request: unknown }): Promise<LoadedOperation> {
  const request = requestFor(input.operation, input.request);
  const { environment, working_directory } = request.parameters as { environment?: string; working_directory: string };
  // Of the operations that come here only generate-migration may leave it out.
  const settings = await deps.loadSettings(working_directory, environment ?? (await deps.developmentEnvironment(working_directory)));
  return { request, request_digest: requestDigest(request), settings };
}

/** The request of one operation: a `migrate` started with the request of a restore must not restore under the rules of a migrate. */
export function requestFor(operation: OperationName, raw: unknown): Request {
  const request = parseRequest(raw);
  if (request.operation === operation) return request;
  throw new FaberError({
    code: 'invalid_request',
    message: `The request is for ${request.operation}, the workflow that it was given to is ${operation}`,
    suggestions: ['Start operations with faber-db or its client, which choose the workflow'],
  });
}
