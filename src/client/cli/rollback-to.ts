/** `faber-db rollback-to`: back to a migration or a backup. Run twice it changes nothing the second time. */
import type { Command } from 'commander';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { adopted, withGuard } from './options.js';
import { previewText } from './preview.js';

interface RollbackToOptions extends OperateOptions {
  adopt?: string;
  migration?: string;
  backupId?: string;
  dryRun?: boolean;
}

export function addRollbackTo(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('rollback-to <environment>')
    .summary('undo down to a migration, or restore a backup')
    .option('--migration <name>', 'undo every migration applied after this one')
    .option('--backup-id <id>', 'restore this backup')
    .option('--dry-run', 'show the plan and change nothing');
  withGuard(command).action(async (environment: string, options: RollbackToOptions) => {
    const parameters = {
      environment,
      ...adopted(options),
      dry_run: options.dryRun === true,
      ...(options.migration === undefined ? {} : { migration: options.migration }),
      ...(options.backupId === undefined ? {} : { backup_id: options.backupId }),
    };
    done(await operate(io, 'rollback-to', parameters, { ...options, render: previewText }));
  });
}
