/** `faber-db verify`: the restore drill. A backup is really restored, into a scratch database. */
import type { Command } from 'commander';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { waitTimeout, withConnection, withDirectory, withJson } from './options.js';

export function addVerify(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('verify <environment> [backup-id]')
    .summary('really restore a backup (default: the newest) into a scratch database')
    .option('--workflow-id <id>', 'a repeated start with this id joins the operation')
    .addOption(waitTimeout());
  withConnection(withJson(withDirectory(command))).action(async (environment: string, backupId: string | undefined, options: OperateOptions) => {
    done(await operate(io, 'verify-backup', { environment, ...(backupId === undefined ? {} : { backup_id: backupId }) }, options));
  });
}
