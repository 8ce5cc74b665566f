/** `faber-db restore`: a verified backup becomes the database; the replaced one is kept. */
import type { Command } from 'commander';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { adopted, withGuard } from './options.js';
import { previewText } from './preview.js';

interface RestoreOptions extends OperateOptions {
  adopt?: string;
  backupId: string;
  from?: string;
  dryRun?: boolean;
}

export function addRestore(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('restore <environment>')
    .summary('make a backup the database; the replaced database is kept')
    .requiredOption('--backup-id <id>', 'which one, as list-backups shows it')
    .option('--from <environment>', 'whose backup it is, where it is of another database than this one')
    .option('--dry-run', 'show the plan and change nothing');
  withGuard(command).action(async (environment: string, options: RestoreOptions) => {
    const { backupId, from, dryRun } = options;
    const parameters = { environment, ...adopted(options), backup_id: backupId, dry_run: dryRun === true, ...(from === undefined ? {} : { from }) };
    done(await operate(io, 'restore', parameters, { ...options, render: previewText }));
  });
}
