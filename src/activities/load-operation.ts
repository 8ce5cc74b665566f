import { parseRequest } from '../contract/request.js';
import { requestDigest } from '../contract/request-digest.js';
import type { LoadedOperation } from './contract.js';
import type { Dependencies } from './dependencies.js';

/** Parses the request and loads the config where the directory is. Workflows can be started by anybody: nothing is trusted. */
export async function loadOperation(deps: Dependencies, input: { request: unknown }): Promise<LoadedOperation> {
  const request = parseRequest(input.request);
  const { environment, working_directory } = request.parameters as { environment?: string; working_directory: string };
  // Operations without an environment (list-backups) do not come here.
  const settings = await deps.loadSettings(working_directory, environment!);
  return { request, request_digest: requestDigest(request), settings };
}
