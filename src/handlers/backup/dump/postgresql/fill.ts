/** Makes a database from a backup and shows that every row came back. What proving and restoring share. */
import type { BackupRecord, TableCount } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../../database/contract.js';
import type { Store } from '../../contract.js';
import { isOfSurroundings, reasonOf } from '../broken-pipe.js';
import { unusable } from '../../unusable.js';
import { inMaintenance, inSession } from '../../../database/postgresql/beside/connections.js';
import { compareCounts } from '../compare-counts.js';
import { countRows } from './counts.js';
import { createLike } from '../../../database/postgresql/beside/create-database.js';
import { createExtensions } from './extensions.js';
import { readable } from '../free-space.js';
import { databaseBytes, freeServerBytes } from './free-space.js';
import { loadDump } from './load-dump.js';
import { idsFoundIn } from '../../../database/postgresql/beside/own-work.js';
import { areWritesHeld, DatabaseProperties, PROPERTIES_FILE, readProperties } from '../../../database/postgresql/beside/properties.js';
import { readText } from '../small-files.js';
import { PipeFailed } from '../stream.js';
import { requireSameStructure } from './structure.js';

/** A restored database needs the room of its rows and indexes, and some for the log. */
const ROOM = 1.1;
/**
 * A restore in one transaction can be told from the work of others, but holds a lock on every object until its end: with
 * indexes, sequences and TOAST this is half of what the lock table of a server holds by default.
 */
const MOST_TABLES_AT_ONCE = 500;

/** The server, in its own words and those of libpq: full, gone, going. */
const SERVER =
  /too many (?:connections|clients)|connection slots|connection to server|server closed the connection|connection (?:reset|timed out|refused)|terminating connection|the database system is|temporary file size exceeds/i;

export interface FillOptions {
  signal: AbortSignal;
  onProgress?: ((what: string) => void) | undefined;
  /** All objects belong to the role of the connection, without the grants of the backup: its roles are those of another database. */
  adopt?: boolean | undefined;
}

/**
 * Drops left-overs of that name, creates the database like the target (or like the one that was dumped, when the target is
 * gone), and restores the backup into it.
 * @returns the transaction ids it took, as far as they are known.
 * @throws FaberError backup_unusable when the backup cannot be restored or its rows are not those of the manifest;
 *   restore_failed when the server cannot hold it.
 */
export async function fillDatabase(
  database: DatabaseHandler,
  target: ConnectionTarget,
  name: string,
  store: Store,
  record: BackupRecord,
  { signal, onProgress, adopt = false }: FillOptions,
): Promise<string[]> {
  const filled = target.withDatabase(name);
  const create = () => inMaintenance(database, target, 'restore', async (session) => {
    await ensureRoom(session, target, record);
    onProgress?.(`creating the database ${name}`);
    const ids = await createLike(session, name, await propertiesFor(database, session, target, store, record, adopt, signal));
    return { ids, major: await serverMajor(session) };
  });
  const prepare = async () => {
    const { ids, major } = await create();
    const made = await inSession(database, filled, 'restore', (session) => createExtensions(session, record, adopt));
    return { ids: [...ids, ...made.ids], load: { major, adopt, schemas: made.schemas } };
  };
  const prepared = await prepare();
  onProgress?.(`restoring ${record.backup_id} into ${name}`);
  let atOnce = (record.tables ?? []).length <= MOST_TABLES_AT_ONCE;
  try {
    await loadDump(filled, store, record, { ...prepared.load, atOnce }, signal);
  } catch (error) {
    if (!atOnce || !ranOutOfLocks(error)) throw restoreFault(error, record, filled, signal);
    onProgress?.('restoring again, object by object');
    atOnce = false;
    const again = await prepare();
    await loadDump(filled, store, record, { ...again.load, atOnce }, signal).catch((error_: unknown) => {
      throw restoreFault(error_, record, filled, signal);
    });
  }
  await barrier('in-restore', signal);
  onProgress?.('counting rows');
  const ids = await inSession(database, filled, 'restore', async (session) => {
    requireEqual(record, await countRows(session));
    await requireSameStructure(store, record, session, !adopt, signal);
    return atOnce ? idsFoundIn(session) : [];
  });
  return [...prepared.ids, ...ids];
}

function requireEqual(record: BackupRecord, found: readonly TableCount[]): void {
  const differences = compareCounts(record.tables ?? [], found);
  const first = differences[0];
  if (first === undefined) return;
  throw unusable(
    record,
    `${differences.length} table(s) differ from its manifest after a restore, first ${first.schema}.${first.table}: ` +
      `${first.expected ?? 'no such table'} row(s) expected, ${first.found ?? 'no such table'} found`,
    { differences: differences.slice(0, 20) },
  );
}

/** Of the target as it is now; of the dumped database, as kept beside the dump, when the target is gone. */
export async function propertiesFor(
  database: DatabaseHandler,
  session: Session,
  target: ConnectionTarget,
  store: Store,
  record: BackupRecord,
  adopt: boolean,
  signal: AbortSignal,
): Promise<DatabaseProperties> {
  const now = await readProperties(session, target.database, await mayBeHeld(database, target));
  if (now !== null) return now;
  try {
    const then = DatabaseProperties.parse(JSON.parse(await readText(store, record, PROPERTIES_FILE, signal)));
    return adopt ? await withoutRoles(session, then) : then;
  } catch (error) {
    throw unusable(record, `the database ${target.database} is not there and ${PROPERTIES_FILE} of the backup cannot be read`, { cause: (error as Error).name });
  }
}

async function withoutRoles(session: Session, properties: DatabaseProperties): Promise<DatabaseProperties> {
  const [row] = await session.query<{ role: string }>('SELECT current_user::text AS role');
  return { ...properties, owner: row!.role, grants: null, tablespace: 'pg_default', settings: properties.settings.filter((setting) => setting.role === null) };
}

/** A database that lets nobody in does not tell: writable by mistake can be seen and mended, read-only is an outage. */
export async function mayBeHeld(database: DatabaseHandler, target: ConnectionTarget): Promise<boolean> {
  try {
    return await inSession(database, target, 'preflight', areWritesHeld);
  } catch (error) {
    if (error instanceof FaberError && error.code === 'health_check_failed') return true;
    throw error;
  }
}

/** Large objects take a lock each, and how many there are is not in the manifest. */
function ranOutOfLocks(error: unknown): boolean {
  return error instanceof PipeFailed && /max_locks_per_transaction|out of shared memory/.test(error.culprit?.stderr ?? '');
}

function restoreFault(error: unknown, record: BackupRecord, filled: ConnectionTarget, signal: AbortSignal): unknown {
  if (!(error instanceof PipeFailed)) return error;
  const { reason } = reasonOf(error, filled.secrets, signal);
  if (error.culprit === null || !isOfSurroundings(error.culprit, SERVER)) return unusable(record, `it could not be restored: ${reason}`);
  return new FaberError({ code: 'restore_failed', message: `${record.backup_id} was not restored: ${reason}`, result: { reason }, suggestions: ['See whether the server runs and has room, and try again'] });
}

async function ensureRoom(session: Session, target: ConnectionTarget, record: BackupRecord): Promise<void> {
  const free = await freeServerBytes(session, target);
  const needed = ((await databaseBytes(session, target.database)) ?? record.size_bytes) * ROOM;
  if (free === null || free >= needed) return;
  const reason = `the server has ${readable(free)} free, and about ${readable(needed)} are needed`;
  throw new FaberError({ code: 'restore_failed', message: `${record.backup_id} was not restored: ${reason}`, result: { reason }, suggestions: ['Free disk space on the server'] });
}

async function serverMajor(session: Session): Promise<number> {
  const [row] = await session.query<{ major: number }>("SELECT current_setting('server_version_num')::int / 10000 AS major");
  return row!.major;
}
