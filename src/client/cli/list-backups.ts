/** `faber-db list-backups`: newest first, with what each one holds, whether it was proven to restore, and what retention does with it. */
import type { Command } from 'commander';
import { countedWords } from '../../contract/backup.js';
import type { Response } from '../../contract/response.js';
import type { KeptDatabase, ListBackupsResult, ListedBackup } from '../../contract/retention.js';
import { printable } from '../terminal-text.js';
import type { Io } from './io.js';
import { operate, type OperateOptions } from './operate.js';
import { waitTimeout, withConnection, withDirectory, withJson } from './options.js';
import { size } from './size.js';
import { table } from './table.js';

function levelOf(backup: ListedBackup): string {
  if (backup.unusable) return 'UNUSABLE';
  return [backup.level, ...(backup.encryption ? ['encrypted'] : []), ...(backup.incomplete_state === undefined ? [] : ['incomplete state'])].join(', ');
}

function ledgerOf({ ledger }: ListedBackup): string {
  if (ledger === undefined) return 'no ledger';
  const failed = ledger.failed.length > 0 ? `, ${ledger.failed.length} failed` : '';
  return `${ledger.applied} migration${ledger.applied === 1 ? '' : 's'}${ledger.last === null ? '' : ` to ${ledger.last}`}${failed}`;
}

const day = (at: string | null) => at?.slice(0, 10) ?? '-';

function backupRow(b: ListedBackup): string[] {
  return [b.backup_id, b.environment, levelOf(b), size(b.size_bytes), `${countedWords(b)}; ${ledgerOf(b)}`, day(b.removed_after), b.retention, b.reason ?? ''];
}

function databaseRow(d: KeptDatabase): string[] {
  return [d.name, d.environment ?? '-', d.replaced_at?.slice(0, 19) ?? 'unknown', d.size_bytes === null ? '-' : size(d.size_bytes), day(d.removed_after), d.retention];
}

/** Which keys must be kept as long as these backups are. */
function keysText(backups: readonly ListedBackup[]): string[] {
  const keys = new Map<string, string[]>();
  for (const { backup_id, encryption } of backups) {
    if (encryption) keys.set(`${encryption.key_env} (${encryption.recipient})`, [...(keys.get(`${encryption.key_env} (${encryption.recipient})`) ?? []), backup_id]);
  }
  return [...keys].map(([key, ids]) => `Encrypted with the key of ${printable(key)}: ${ids.length} of these, the newest ${printable(ids[0]!)}`);
}

function backupsText(response: Response): string | undefined {
  if (response.status !== 'success') return undefined;
  const { backups, damaged, total, kept_databases, not_read } = response.result as ListBackupsResult;
  return [
    backups.length === 0 ? 'No backups.' : table(['BACKUP', 'ENVIRONMENT', 'LEVEL', 'SIZE', 'HOLDS', 'EXPIRES', 'RETENTION', 'REASON'], backups.map(backupRow)),
    ...(total > backups.length ? [`… and ${total - backups.length} older ones`] : []),
    ...backups.flatMap((b) => (b.unusable ? [`Cannot be restored: ${b.backup_id}: ${printable(b.unusable.reason)}`] : [])),
    ...keysText(backups),
    ...damaged.map((id) => `Damaged, cannot be restored: ${printable(id)}`),
    ...(kept_databases.length === 0 ? [] : ['', 'Databases that restores replaced, kept beside the ones that serve:', table(['DATABASE', 'ENVIRONMENT', 'REPLACED (UTC)', 'SIZE', 'EXPIRES', 'RETENTION'], kept_databases.map(databaseRow))]),
    ...not_read.map(({ environment, reason }) => `Replaced databases of ${environment} were not looked for: ${printable(reason)}`),
  ].join('\n');
}

export function addListBackups(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program.command('list-backups [environment]').summary('backups in the store, newest first').addOption(waitTimeout());
  withConnection(withJson(withDirectory(command))).action(async (environment: string | undefined, options: OperateOptions) => {
    done(await operate(io, 'list-backups', environment === undefined ? {} : { environment }, { ...options, render: backupsText }));
  });
}
