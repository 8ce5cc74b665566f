/** Restores a backup beside the database that serves, which stays untouched. */
import { countedIn, type BackupRecord } from '../../../../contract/backup.js';
import type { ConnectionTarget, DatabaseHandler, RestoreReport, Session } from '../../../database/contract.js';
import type { Store } from '../../contract.js';
import { checkBackup } from '../check.js';
import { inMaintenance, inSession } from '../../../database/postgresql/beside/connections.js';
import { carryOver } from '../../../database/postgresql/beside/create-database.js';
import { fillDatabase, type FillOptions, propertiesFor } from './fill.js';
import { claimIn, inOwnTransaction } from '../../../database/postgresql/beside/own-work.js';
import { restoreFailure } from './restore-failure.js';
import { keptName, sideName } from '../../../database/postgresql/beside/side-names.js';
import { databaseStates } from '../../../database/postgresql/beside/states.js';

/**
 * Idempotent by `operationId`: an earlier attempt's side database is dropped first; after the swap of this operation
 * nothing is done any more.
 * @throws FaberError backup_unusable, restore_failed. The side database of a failed attempt is left for `cleanUp`.
 */
export async function restoreBeside(
  database: DatabaseHandler,
  target: ConnectionTarget,
  store: Store,
  record: BackupRecord,
  operationId: string,
  options: FillOptions,
): Promise<RestoreReport> {
  const { signal, onProgress, adopt = false } = options;
  const begun = performance.now();
  const side = sideName(target.database, operationId);
  try {
    signal.throwIfAborted();
    const exchanged = await inMaintenance(database, target, 'restore', async (session) =>
      (await databaseStates(session, [keptName(target.database, operationId)])).size > 0);
    if (!exchanged) {
      // A damaged dump is refused before anything is created.
      await checkBackup(store, record, signal);
      const filled = await fillDatabase(database, target, side, store, record, options);
      onProgress?.('collecting statistics');
      // A restored database has none: its first queries would be planned blindly, right after the swap.
      const analyzed = await inSession(database, target.withDatabase(side), 'restore', (session) => inOwnTransaction(session, () => analyze(session)));
      signal.throwIfAborted();
      const carried = await inMaintenance(database, target, 'restore', async (session) =>
        carryOver(session, side, await propertiesFor(database, session, target, store, record, adopt, signal)));
      for (const what of carried.failed) onProgress?.(`not carried over: ${what}`);
      await claimIn(database, target, operationId, [...filled, analyzed, ...carried.ids]);
    }
  } catch (error) {
    throw restoreFailure(error, 'restore_failed', `Backup ${record.backup_id} was not restored`, target, signal);
  }
  return {
    side_database: side,
    ...(countedIn(record) ?? { tables: 0, rows: 0 }),
    duration_seconds: (performance.now() - begun) / 1000,
  };
}

/** User tables only: for each of the server's own a plain ANALYZE would warn an ordinary role. */
export async function analyze(session: Session): Promise<void> {
  const [row] = await session.query<{ tables: string | null }>(`
    SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ') AS tables
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'`);
  if (row?.tables) await session.query(`ANALYZE ${row.tables}`);
}
