/** `faber-db backup`: a verified backup. */
import type { Command } from 'commander';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { waitTimeout, withConnection, withDirectory, withJson } from './options.js';

export function addBackup(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('backup <environment>')
    .summary('take a backup and verify it')
    .option('--label <label>', 'becomes part of the id: lower-case letters, digits and dashes')
    .option('--reason <text>', 'kept with the backup')
    .option('--workflow-id <id>', 'a repeated start with this id joins the operation')
    .addOption(waitTimeout());
  withConnection(withJson(withDirectory(command))).action(async (environment: string, options: OperateOptions & { label?: string; reason?: string }) => {
    const { label, reason } = options;
    done(await operate(io, 'backup', { environment, ...(label === undefined ? {} : { label }), ...(reason === undefined ? {} : { reason }) }, options));
  });
}
