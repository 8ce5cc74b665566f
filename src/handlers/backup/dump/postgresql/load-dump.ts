/** pg_restore of a backup into an empty database of our own. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BackupRecord } from '../../../../contract/backup.js';
import type { ConnectionTarget } from '../../../database/contract.js';
import type { Store } from '../../contract.js';
import { unusable } from './check.js';
import { compressor } from './compression.js';
import { childConnection, childDatabaseArgument } from '../../../database/postgresql/beside/connections.js';
import { type MadeSchema, withoutSchemas } from './extensions.js';
import { isEcho, succeeded } from './process.js';
import { findPrograms } from './programs.js';
import { PipeFailed, streamFromFile } from './stream.js';

export interface Load {
  /** Of the server. */
  major: number;
  /** In one transaction. */
  atOnce: boolean;
  /** Without owners and grants. */
  adopt: boolean;
  /** There already. */
  schemas: readonly MadeSchema[];
}

/** @throws PipeFailed, FaberError backup_unusable for a dump that is not the manifest's */
export async function loadDump(filled: ConnectionTarget, store: Store, record: BackupRecord, load: Load, signal: AbortSignal): Promise<void> {
  const { pg_restore: file } = await findPrograms(load.major);
  const options = [...(load.atOnce ? ['--single-transaction'] : []), ...(load.adopt ? ['--no-owner', '--no-privileges'] : [])];
  await withEntries(filled, store, record, { ...load, file }, signal, async (entries) => {
    const consumer = {
      name: 'pg_restore',
      file,
      // Subscriptions would need a superuser, and one that is left keeps its database from being dropped.
      args: ['--exit-on-error', '--no-password', '--no-subscriptions', ...options, ...entries, childDatabaseArgument(filled)],
      env: childConnection(filled, 'restore'),
    };
    const read = await streamFromFile(store.backupFile(record), await compressor(record.compression), consumer, signal);
    if (read.sha256 !== record.sha256) throw unusable(record, 'its dump is damaged: the sha256 is not that of the manifest');
  });
}

/** Options that leave out the schemas that are there. Their list lies beside the dump while it is read, under a name that the next attempt uses again. */
async function withEntries(
  { database }: ConnectionTarget,
  store: Store,
  record: BackupRecord,
  { file, schemas }: { file: string; schemas: readonly MadeSchema[] },
  signal: AbortSignal,
  run: (options: string[]) => Promise<void>,
): Promise<void> {
  if (schemas.length === 0) return run([]);
  const list = join(dirname(store.backupFile(record)), `.tmp-entries-${Buffer.from(database).toString('hex')}`);
  try {
    await streamFromFile(store.backupFile(record), await compressor(record.compression), { name: 'pg_restore', file, args: ['--list', `--file=${list}`] }, signal).catch(unlessReadEnough);
    await writeFile(list, withoutSchemas(await readFile(list, 'utf8'), schemas));
    await run([`--use-list=${list}`]);
  } finally {
    await rm(list, { force: true });
  }
}

/** The list stands at the beginning: pg_restore ends well and leaves the rest unread, which breaks the pipe before it. */
function unlessReadEnough(error: unknown): void {
  if (!(error instanceof PipeFailed) || (error.culprit !== null && !succeeded(error.culprit) && !isEcho(error.culprit))) throw error;
}
