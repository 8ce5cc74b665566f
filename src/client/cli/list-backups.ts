/** `faber-db list-backups`: newest first, with what each one holds and whether it was proven to restore. */
import type { Command } from 'commander';
import type { BackupSummary } from '../../contract/backup.js';
import type { Response } from '../../contract/response.js';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { waitTimeout, withConnection, withDirectory, withJson } from './options.js';
import { table } from './table.js';

function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log2(bytes) / 10) : 0);
  return `${(bytes / 2 ** (10 * power)).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

function backupsText(response: Response): string | undefined {
  if (response.status !== 'success') return undefined;
  const { backups = [], damaged = [] } = response.result as { backups?: BackupSummary[]; damaged?: string[] };
  const rows = backups.map((b) => [b.backup_id, b.environment, b.level, size(b.size_bytes), `${b.tables} tables, ${b.rows} rows`, b.reason ?? '']);
  return [
    backups.length === 0 ? 'No backups.' : table(['BACKUP', 'ENVIRONMENT', 'LEVEL', 'SIZE', 'HOLDS', 'REASON'], rows),
    ...damaged.map((id) => `Damaged, cannot be restored: ${id}`),
  ].join('\n');
}

export function addListBackups(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program.command('list-backups [environment]').summary('backups in the store, newest first').addOption(waitTimeout());
  withConnection(withJson(withDirectory(command))).action(async (environment: string | undefined, options: OperateOptions) => {
    done(await operate(io, 'list-backups', environment === undefined ? {} : { environment }, { ...options, render: backupsText }));
  });
}
