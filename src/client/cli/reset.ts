/** `faber-db reset`: empties and rebuilds a database that is not protected. */
import type { Command } from 'commander';
import { FaberError } from '../../contract/failure.js';
import { errorResponse, exitCodeOf } from '../error-response.js';
import { printAnswer } from './answers.js';
import { ask } from './ask.js';
import { isInteractive, type Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { adopted, withGuard } from './options.js';
import { previewText } from './preview.js';

interface ResetOptions extends OperateOptions {
  adopt?: string;
  seed?: boolean;
  dryRun?: boolean;
}

export function addReset(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('reset <environment>')
    .summary('empty a database and rebuild it with all migrations; never where the environment is protected')
    .option('--seed', "run the project's seed too, before the rebuilt database takes the old one's place")
    .option('--dry-run', 'show what would be lost and change nothing');
  withGuard(command, 'do not ask, and approve by yourself where the config wants an approval').action(async (environment: string, options: ResetOptions) => {
    const refusal = await confirmed(io, environment, options);
    if (refusal !== null) {
      const response = errorResponse(refusal, { operation: 'reset', environment });
      printAnswer(io, response, options.json === true);
      done(exitCodeOf(response));
      return;
    }
    const parameters = { environment, ...adopted(options), seed: options.seed === true, dry_run: options.dryRun === true };
    done(await operate(io, 'reset', parameters, { ...options, render: previewText }));
  });
}

/** A name that has to be typed is read first. @returns why it does not go on, or null */
async function confirmed(io: Io, environment: string, { yes, dryRun }: ResetOptions): Promise<FaberError | null> {
  if (yes || dryRun) return null;
  const refused = (message: string) => new FaberError({ code: 'invalid_request', message, suggestions: [`faber-db reset ${environment} --yes`, `faber-db reset ${environment} --dry-run shows what would be lost`] });
  if (!isInteractive(io)) return refused('reset asks before it empties a database, and nobody can answer here; say --yes');
  const typed = await ask(io, `This empties the database of '${environment}' and builds it anew. Type its name to go on: `);
  return typed === environment ? null : refused('Nothing was changed: the name was not typed');
}
