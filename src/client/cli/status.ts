/**
 * `faber-db status`: environments side by side. Exit code 0; of an environment asked for by name 3 when it cannot be reached, and
 * 1 when its configuration keeps it from being looked at. Nobody waits for one of many in a pipeline: there the answer tells.
 */
import type { Command } from 'commander';
import { ERROR_CODES } from '../../contract/failure.js';
import type { Response } from '../../contract/response.js';
import type { StatusResult } from '../../contract/status.js';
import { exitCodeOf } from '../error-response.js';
import { runnableText } from './answers.js';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { waitTimeout, withConnection, withDirectory, withJson } from './options.js';
import { statusText } from './status-text.js';

function statusExitCode(response: Response): number {
  if (response.status !== 'success' || response.environment === undefined) return exitCodeOf(response);
  const [only] = (response.result as StatusResult).environments;
  if (only?.reachable === true) return 0;
  return only?.problem && ERROR_CODES[only.problem.code].family === 'request' ? 1 : 3;
}

export function addStatus(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('status [environment]')
    .summary('environments side by side: migrations, drift, backups, operations; exit code 3 when the named one is unreachable')
    .option('--no-drift', 'do not compare schemas with what the migrations make (saves a second an environment)')
    .addOption(waitTimeout());
  withConnection(withJson(withDirectory(command))).action(async (environment: string | undefined, options: OperateOptions & { drift: boolean }) => {
    const render = (response: Response) =>
      response.status === 'success' ? runnableText(statusText(response.result as StatusResult, environment !== undefined), io.invokedAs) : undefined;
    done(await operate(io, 'status', { drift: options.drift, ...(environment === undefined ? {} : { environment }) }, { ...options, exitCode: statusExitCode, render }));
  });
}
