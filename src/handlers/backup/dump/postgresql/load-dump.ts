/** pg_restore of a backup into an empty database of our own. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackupRecord } from '../../../../contract/backup.js';
import type { ConnectionTarget } from '../../../database/contract.js';
import type { Store } from '../../contract.js';
import { compressor } from '../compression.js';
import { isEcho, type Program, succeeded } from '../process.js';
import { PipeFailed, pipe } from '../stream.js';
import { childConnection, childDatabaseArgument } from '../../../database/postgresql/beside/connections.js';
import { type MadeSchema, withoutSchemas } from './extensions.js';
import { findPrograms } from './programs.js';

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
  const unpack = (await compressor(record.compression))?.unpack ?? null;
  const read = (consumer: Program) => pipe((take) => store.readFile(record, record.file, take, signal), unpack, consumer, signal);
  await withEntries(file, load.schemas, read, async (entries) => {
    const consumer = {
      name: 'pg_restore',
      file,
      // Subscriptions would need a superuser, and one that is left keeps its database from being dropped.
      args: ['--exit-on-error', '--no-password', '--no-subscriptions', ...options, ...entries, childDatabaseArgument(filled)],
      env: childConnection(filled, 'restore'),
    };
    await read(consumer);
  });
}

/** Options that leave out the schemas that are there. Their list holds names only, and is private to this user while it is read. */
async function withEntries(
  file: string,
  schemas: readonly MadeSchema[],
  read: (consumer: Program) => Promise<void>,
  run: (options: string[]) => Promise<void>,
): Promise<void> {
  if (schemas.length === 0) return run([]);
  const folder = await mkdtemp(join(tmpdir(), 'faber-db-'));
  const list = join(folder, 'entries');
  try {
    await read({ name: 'pg_restore', file, args: ['--list', `--file=${list}`] }).catch(unlessReadEnough);
    await writeFile(list, withoutSchemas(await readFile(list, 'utf8'), schemas));
    await run([`--use-list=${list}`]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The list stands at the beginning: pg_restore ends well and leaves the rest unread, which breaks the pipe before it. */
function unlessReadEnough(error: unknown): void {
  if (!(error instanceof PipeFailed) || (error.culprit !== null && !succeeded(error.culprit) && !isEcho(error.culprit))) throw error;
}
