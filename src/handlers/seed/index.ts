/** Runs a project's seed command. */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Settings } from '../../contract/settings.js';
import { type ChildEnd, runChild } from '../child.js';
import { redactor } from '../redact.js';
import type { SeedEnd, SeedHandler, SeedRun } from './contract.js';
import { seedFiles, wordsOf } from './files.js';
import { maskedTail } from './mask-output.js';

const KEPT_BYTES = 256 * 1024;
/** Exit codes of a shell for a program that is not there, or is none. */
const NOT_STARTED = [126, 127];

export const seedHandler: SeedHandler = {
  files: (command, settings) => seedFiles(command, settings.working_directory),

  async run(run, settings) {
    const [file, ...args] = wordsOf(run.command);
    const limit = run.limit ?? { seconds: settings.seed.timeout_seconds, key: 'seed.timeout_seconds' };
    const end = await runChild({
      file, args,
      cwd: settings.working_directory,
      env: { ...run.env, PATH: await searchPath(settings, run) },
      timeoutMs: limit.seconds * 1000,
      stdout: { last: KEPT_BYTES },
      diesWithUs: true,
      signal: run.signal,
    });
    return endOf(end, file, limit, run.secrets);
  },
};

function endOf(end: ChildEnd, file: string, limit: Limit, secrets: readonly string[]): SeedEnd {
  // Values of rows may be kept for whoever may read the store, credentials not even there.
  const output = redactor(secrets)([end.stdout, end.stderr].filter((text) => text !== '').join('\n'));
  const reason = reasonOf(end, file, limit);
  return { succeeded: reason === null, reason, tail: maskedTail(output), output };
}

type Limit = NonNullable<SeedRun['limit']>;

function reasonOf(end: ChildEnd, file: string, limit: Limit): string | null {
  if (end.notStarted !== null) return `it could not be started (${end.notStarted})`;
  if (end.timedOut) return `it took longer than ${limit.key} (${limit.seconds} s) and was ended`;
  if (end.code === null) return `it was ended by ${end.signal ?? 'a signal'}`;
  if (NOT_STARTED.includes(end.code)) return `it exited with code ${end.code}: is ${file} installed on the worker?`;
  return end.code === 0 ? null : `it exited with code ${end.code}`;
}

/** The project's own programs first, as npx finds them: also those that a workspace keeps further up. */
async function searchPath({ working_directory }: Settings, { env }: SeedRun): Promise<string> {
  const folders: string[] = [];
  for (let at = working_directory; ; at = dirname(at)) {
    const bin = join(at, 'node_modules', '.bin');
    if (await stat(bin).then((found) => found.isDirectory(), () => false)) folders.push(bin);
    if (dirname(at) === at) break;
  }
  return [...folders, env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'].join(':');
}
