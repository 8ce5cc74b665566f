import { FaberError, type FailureFacts } from '../contract/failure.js';
import type { Settings } from '../contract/settings.js';
import type { LoadedEnvironments } from './contract.js';
import type { Dependencies } from './dependencies.js';
import { requestFor } from './load-operation.js';

/** The settings of so many fit into one payload, keys of approvers included. */
const MOST = 100;

/**
 * The environments that a `status` is about: the one that it names, else all of the config. One whose settings are wrong is told
 * beside the others.
 * @throws FaberError when the request or the config as a whole is wrong, or the named environment is
 */
export async function loadEnvironments(deps: Dependencies, input: { request: unknown }): Promise<LoadedEnvironments> {
  const request = requestFor('status', input.request);
  const { environment, working_directory, drift } = request.parameters as { environment?: string; working_directory: string; drift: boolean };
  if (environment !== undefined) return { environment, drift, loaded: [{ environment, settings: await deps.loadSettings(working_directory, environment) }], not_shown: [] };
  const names = await deps.configuredEnvironments(working_directory);
  if (names.length === 0) {
    throw new FaberError({ code: 'environment_not_configured', message: 'The config names no environment', suggestions: ["Add one under 'environments' in the config"] });
  }
  const loaded: LoadedEnvironments['loaded'] = [];
  for (const name of names.slice(0, MOST)) loaded.push({ environment: name, ...(await settingsOrFailure(deps, working_directory, name)) });
  const [first] = loaded;
  // The same for all: it is the config, and no environment.
  if (first?.failure && loaded.every(({ failure }) => failure?.message === first.failure?.message)) throw new FaberError(first.failure);
  return { environment: null, drift, loaded, not_shown: names.slice(MOST) };
}

async function settingsOrFailure(deps: Dependencies, directory: string, environment: string): Promise<{ settings: Settings } | { failure: FailureFacts }> {
  try {
    return { settings: await deps.loadSettings(directory, environment) };
  } catch (error) {
    if (!(error instanceof FaberError)) throw error;
    const { code, message, suggestions } = error;
    return { failure: { code, message, suggestions } };
  }
}
