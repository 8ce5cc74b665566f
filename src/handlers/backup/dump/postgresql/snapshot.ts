/** One snapshot, read by pg_dump and counted by us at the same time. */
import type { BackupRecord, ExtensionVersion, TableCount } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../../database/contract.js';
import { backupPurpose } from '../../../database/postgresql/session-names.js';
import type { BackupOptions } from '../../contract.js';
import { childConnection, childDatabaseArgument, openSession } from '../../../database/postgresql/beside/connections.js';
import { countRows } from './counts.js';
import { readExtensions } from './extensions.js';
import type { Program } from '../process.js';
import type { Programs } from './programs.js';
import { areWritesHeld, type DatabaseProperties, readProperties } from '../../../database/postgresql/beside/properties.js';
import { readStructure } from './structure.js';

export interface Dumped {
  tables: TableCount[];
  extensions: ExtensionVersion[];
  /** Every object of the snapshot; see structure.ts. */
  structure: string[];
  snapshot: BackupRecord['snapshot'];
  properties: DatabaseProperties;
}

/** Runs pg_dump to where the backup goes. */
type Dump = (producer: Program, signal: AbortSignal) => Promise<void>;

/**
 * Opens a snapshot, has pg_dump read it, and counts the rows in it meanwhile. Either failing ends the other: without the
 * counts the backup could not be proven.
 */
export async function dumpInSnapshot(
  database: DatabaseHandler,
  target: ConnectionTarget,
  programs: Programs,
  options: BackupOptions,
  dump: Dump,
): Promise<Dumped> {
  const lockMs = Math.ceil(options.settings.migrations.lock_timeout_seconds * 1000);
  const session = await openSession(database, target, backupPurpose(options.operationId));
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  try {
    // Ends a long count when we are gone or cancelled; without it the server would count on.
    await session.query("SELECT set_config('client_connection_check_interval', '2s', false), set_config('lock_timeout', $1, false)", [`${lockMs}ms`]);
    const { exported, ...snapshot } = await openSnapshot(session);
    const properties = await readProperties(session, target.database, await areWritesHeld(session));
    if (properties === null) throw new FaberError({ code: 'backup_failed', message: `The database ${target.database} disappeared`, result: { backup_error: 'the database disappeared' } });
    const producer = {
      name: 'pg_dump',
      file: programs.pg_dump,
      args: ['--format=custom', '--compress=0', '--no-password', `--snapshot=${exported}`, '--exclude-schema=faber_db', `--lock-wait-timeout=${lockMs}`, childDatabaseArgument(target)],
      env: childConnection(target, backupPurpose(options.operationId)),
    };
    const [, tables] = await allOrAbort(ended, [dump(producer, signal), countUntil(session, signal)]);
    return { tables, extensions: await readExtensions(session), structure: await readStructure(session), snapshot, properties };
  } finally {
    await session.close();
  }
}

/** Where the log stood is read before the snapshot: too early only costs certainty, too late would hide a write. */
async function openSnapshot(session: Session): Promise<{ exported: string; position: string; lsn: string | null }> {
  const [log] = await session.query<{ lsn: string | null }>('SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn()::text END AS lsn');
  await session.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const [row] = await session.query<{ exported: string; position: string }>('SELECT pg_export_snapshot() AS exported, pg_current_snapshot()::text AS position');
  return { exported: row!.exported, position: row!.position, lsn: log?.lsn ?? null };
}

/** A count cannot be interrupted from its own session: closing it lets the server notice. */
async function countUntil(session: Session, signal: AbortSignal): Promise<TableCount[]> {
  // Aborted already, it tells nobody any more: behind an application's lock the count would then wait for `lock_timeout`.
  signal.throwIfAborted();
  const onAbort = () => void session.close();
  signal.addEventListener('abort', onAbort);
  try {
    return await countRows(session);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function allOrAbort<T extends unknown[]>(other: AbortController, work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const settled = await Promise.allSettled(
    work.map(async (one: Promise<unknown>) => {
      try {
        return await one;
      } catch (error) {
        other.abort(error);
        throw error;
      }
    }),
  );
  // The first failure is the cause; what it aborted reports the same reason.
  if (other.signal.aborted) throw other.signal.reason;
  return settled.map((s) => (s as PromiseFulfilledResult<unknown>).value) as T;
}
