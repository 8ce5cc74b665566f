/** `faber-db migrate`: the guarded migration, followed on the terminal. */
import type { Command } from 'commander';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { adopted, watched, watchSeconds, withGuard } from './options.js';
import { previewText } from './preview.js';

interface MigrateOptions extends OperateOptions {
  adopt?: string;
  dryRun?: boolean;
  baseline?: string;
  watchSeconds?: number;
}

export function addMigrate(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('migrate <environment>')
    .summary('plan, get approved, back up, migrate, check, undo if it fails')
    .option('--dry-run', 'show the plan and change nothing')
    .option('--baseline <migration>', 'for a database without a ledger: the last migration that it already holds')
    .addOption(watchSeconds());
  withGuard(command).action(async (environment: string, options: MigrateOptions) => {
    const parameters = { environment, ...adopted(options), dry_run: options.dryRun === true, ...(options.baseline === undefined ? {} : { baseline: options.baseline }), ...watched(options) };
    done(await operate(io, 'migrate', parameters, { ...options, render: previewText }));
  });
}
