/** `faber-db rollback`: undoes the last migrations. What answers print to go back is `rollback-to`, which run twice changes nothing. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { adopted, withGuard } from './options.js';
import { previewText } from './preview.js';

interface RollbackOptions extends OperateOptions {
  adopt?: string;
  steps?: number;
  dryRun?: boolean;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('must be a whole number from 1 on');
  return Number(text);
}

export function addRollback(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('rollback <environment>')
    .summary('undo the last migrations by their down scripts, or by a restore where one is missing')
    .option('--steps <number>', 'how many (default: 1)', wholeNumber)
    .option('--dry-run', 'show the plan and what would be lost, and change nothing');
  withGuard(command).action(async (environment: string, options: RollbackOptions) => {
    const parameters = { environment, ...adopted(options), dry_run: options.dryRun === true, ...(options.steps === undefined ? {} : { steps: options.steps }) };
    done(await operate(io, 'rollback', parameters, { ...options, render: previewText }));
  });
}
