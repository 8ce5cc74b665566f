/** `faber-db initialize-database`: makes sure that the database is there, with all migrations applied. */
import type { Command } from 'commander';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { adopted, withGuard } from './options.js';
import { previewText } from './preview.js';

interface InitializeOptions extends OperateOptions {
  adopt?: string;
  databaseName?: string;
  dryRun?: boolean;
}

export function addInitializeDatabase(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('initialize-database <environment>')
    .summary('create the database where it is missing, and apply all migrations to an empty one')
    .option('--database-name <name>', 'refuse unless the URL names this database')
    .option('--dry-run', 'show the plan and change nothing');
  withGuard(command).action(async (environment: string, options: InitializeOptions) => {
    const { databaseName, dryRun } = options;
    const parameters = { environment, ...adopted(options), ...(databaseName === undefined ? {} : { database_name: databaseName }), dry_run: dryRun === true };
    done(await operate(io, 'initialize-database', parameters, { ...options, render: previewText }));
  });
}
