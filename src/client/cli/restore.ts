/** `faber-db restore`: a verified backup becomes the database; the replaced one is kept. */
import type { Command } from 'commander';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { waitTimeout, withConnection, withDirectory, withJson } from './options.js';
import { previewText } from './preview.js';

export function addRestore(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('restore <environment>')
    .summary('make a backup the database; the replaced database is kept')
    .requiredOption('--backup-id <id>', 'which one, as list-backups shows it')
    .option('--dry-run', 'show the plan and change nothing')
    .option('--yes', 'approve by yourself; never where the environment is protected')
    .option('--workflow-id <id>', 'a repeated start with this id joins the operation')
    .addOption(waitTimeout());
  withConnection(withJson(withDirectory(command))).action(async (environment: string, options: OperateOptions & { backupId: string; dryRun?: boolean }) => {
    done(await operate(io, 'restore', { environment, backup_id: options.backupId, dry_run: options.dryRun === true }, { ...options, render: previewText }));
  });
}
