/** `faber-db seed`: runs the project's seed command, guarded. */
import type { Command } from 'commander';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { adopted, withGuard } from './options.js';
import { previewText } from './preview.js';

interface SeedOptions extends OperateOptions {
  adopt?: string;
  dryRun?: boolean;
}

export function addSeed(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('seed <environment>')
    .summary("run the project's seed command: backed up first, never run twice by itself")
    .option('--dry-run', 'show what would run and change nothing');
  withGuard(command).action(async (environment: string, options: SeedOptions) => {
    done(await operate(io, 'seed', { environment, ...adopted(options), dry_run: options.dryRun === true }, { ...options, render: previewText }));
  });
}
