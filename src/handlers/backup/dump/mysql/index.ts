/** Backups of MySQL and MariaDB by their own dump programs, restored beside the database and exchanged table by table. */
import { countedIn, type BackupRecord } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import type { Settings } from '../../../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler, RestoreReport, Session } from '../../../database/contract.js';
import { createLike } from '../../../database/mysql/beside/scratch.js';
import { haveTables, tableOf } from '../../../database/mysql/bookkeeping-tables.js';
import { creationObstacles } from '../../../database/mysql/create-database.js';
import { bookkeepingName, grantStatement, isKept, quoted, scratchName, sideName } from '../../../database/mysql/names.js';
import { MysqlError } from '../../../database/mysql/server-failure.js';
import { purposeName, withSession, type MysqlSession } from '../../../database/mysql/session.js';
import { mysqlTarget, type MysqlTarget } from '../../../database/mysql/url.js';
import { levelFor, type BackupHandler, type BackupOptions, type ReplacedDatabase, type Store } from '../../contract.js';
import { checkBackup } from '../check.js';
import { chooseCompression } from '../compression.js';
import { createDump } from '../create.js';
import { readable } from '../free-space.js';
import { readExchange } from './exchange-record.js';
import { restoreFailure } from './failure.js';
import { load } from './load.js';
import { replaceObstacles, restoreDifferences, restoreObstacles } from './obstacles.js';
import { findPrograms } from './programs.js';
import { dumpInSnapshot } from './snapshot.js';
import { STRUCTURE_FILE, structureOf } from './structure.js';
import { settleExchange, stateOf, swap } from './swap.js';

/** A packed dump was a quarter of its database. Below a tenth none will fit. */
const SURELY_TOO_SMALL = 0.1;

export class MysqlDumpBackupHandler implements BackupHandler {
  constructor(private readonly database: DatabaseHandler) {}

  async preflight(target: ConnectionTarget, settings: Settings, store: Store): Promise<{ findings: string[] }> {
    const findings: string[] = [];
    const identity = await this.database.identify(target);
    await findPrograms(identity.serverVersion);
    const compression = await chooseCompression(settings.backup.compression);
    if (compression !== 'zstd') findings.push(`The dump is packed by ${compression}: zstd is not installed or not chosen`);
    const size = identity.sizeBytes ?? 0;
    const room = await store.freeBytes();
    if (room !== null && room < size * SURELY_TOO_SMALL) throw failed(`${store.location} has ${readable(room)} free, and the database has ${readable(size)}`, 'Free disk space, or point backup.location at a larger disk');
    if (levelFor(settings, size) === 'checked') {
      if (settings.backup.verify === 'proven') findings.push(`The database has ${readable(size)}, more than backup.max_database_size: its backup is checked, not proven`);
      return { findings };
    }
    const own = mysqlTarget(target);
    if ((await creationObstacles(own.withDatabase(scratchName(own.database, 'x')))).length > 0) throw failed('the user may not create the scratch database that proves a backup', `As an administrator: ${grantStatement(own.database, own.user)}, or set backup.verify to checked`);
    return { findings };
  }

  create(target: ConnectionTarget, store: Store, options: BackupOptions): Promise<BackupRecord> {
    return createDump(this.database, target, store, options, 'dump.sql', async (write, identity) => {
      const programs = await findPrograms(identity.serverVersion);
      const { tables, snapshot, facts, code } = await dumpInSnapshot(mysqlTarget(target), programs, options, write);
      const structure = structureOf(facts, code);
      const restored = quoted(`${identity.database}_faber_restored`).replaceAll("'", `'\\''`);
      const client = programs.mariadb ? 'mariadb' : 'mysql';
      return {
        format: 'mysql-dump', tables, snapshot, more: { structure_sha256: structure.sha256 }, beside: { [STRUCTURE_FILE]: structure.text },
        // HOST and USER as the person has them; the password is asked for, or in MYSQL_PWD.
        restoreCommands: (dump) => [`${client} -e 'CREATE DATABASE ${restored}'`, `${dump} | ${client} --binary-mode '${`${identity.database}_faber_restored`.replaceAll("'", `'\\''`)}'`],
      };
    });
  }

  check(store: Store, record: BackupRecord, signal: AbortSignal): Promise<void> {
    return checkBackup(store, record, signal);
  }

  async prove(target: ConnectionTarget, store: Store, record: BackupRecord, signal: AbortSignal, onProgress?: (what: string) => void, operationId?: string): Promise<BackupRecord> {
    const own = mysqlTarget(target);
    try {
      const programs = await this.#programs(target);
      await this.database.withScratch(target, { id: operationId ?? record.operation_id ?? record.backup_id, signal }, (scratch) => load(mysqlTarget(scratch), programs, store, record, signal, onProgress));
    } catch (error) {
      throw restoreFailure(error, 'backup_failed', `Backup ${record.backup_id} could not be proven`, own, signal);
    }
    const proven: BackupRecord = { ...record, level: 'proven', proven_at: new Date().toISOString() };
    await store.updateBackup(proven);
    return proven;
  }

  async restoreBeside(target: ConnectionTarget, store: Store, record: BackupRecord, operationId: string, signal: AbortSignal, onProgress?: (what: string) => void): Promise<RestoreReport> {
    const own = mysqlTarget(target);
    const begun = performance.now();
    try {
      signal.throwIfAborted();
      if ((await this.keptBy(target, operationId)) === null) {
        // A damaged dump is refused before anything is created.
        await checkBackup(store, record, signal);
        const side = await this.#emptySide(own, operationId);
        await load(side, await this.#programs(target), store, record, signal, onProgress);
      }
    } catch (error) {
      throw restoreFailure(error, 'restore_failed', `Backup ${record.backup_id} was not restored`, own, signal);
    }
    const counted = countedIn(record);
    return { side_database: sideName(own.database, operationId), tables: counted?.tables ?? 0, rows: counted?.rows ?? null, duration_seconds: (performance.now() - begun) / 1000 };
  }

  swap(target: ConnectionTarget, operationId: string, guard: (replaced: Session | null) => Promise<void>, signal: AbortSignal): Promise<{ kept_as: string | null }> {
    return swap(mysqlTarget(target), operationId, guard, signal);
  }

  async createBeside(target: ConnectionTarget, operationId: string, signal: AbortSignal): Promise<ConnectionTarget | null> {
    signal.throwIfAborted();
    return (await this.keptBy(target, operationId)) === null ? this.#emptySide(mysqlTarget(target), operationId) : null;
  }

  /** Grants are on names and stay with them; there is nothing else to carry over. */
  async finishBeside(): Promise<string[]> {
    return [];
  }

  replaceObstacles(target: ConnectionTarget): Promise<string[]> {
    return replaceObstacles(mysqlTarget(target));
  }

  async keptBy(target: ConnectionTarget, operationId: string): Promise<string | null> {
    const own = mysqlTarget(target);
    return inServer(own, async (session) => {
      const found = (await haveTables(session, own)) ? await readExchange(session, own, operationId) : null;
      return found && (await stateOf(session, found)) !== 'prepared' ? found.kept : null;
    });
  }

  async cleanUp(target: ConnectionTarget, operationId: string): Promise<void> {
    const own = mysqlTarget(target);
    await inServer(own, async (session) => {
      if (await haveTables(session, own)) await settleExchange(session, own, operationId);
      await dropSide(session, own, operationId);
    });
  }

  async replacedDatabases(target: ConnectionTarget): Promise<ReplacedDatabase[]> {
    const own = mysqlTarget(target);
    return inServer(own, async (session) => {
      const names = (await session.query<{ name: string }>('SELECT schema_name AS name FROM information_schema.schemata')).map(({ name }) => name).filter((name) => isKept(own.database, name));
      const remembered = (await haveTables(session, own)) ? await session.query<{ kept: string; operation_id: string }>(`SELECT kept, operation_id FROM ${tableOf(own, 'exchanges')}`) : [];
      const operations = names.length > 0 ? await this.database.bookkeeping.remembered(target) : [];
      return Promise.all(names.map(async (name) => {
        const [size] = await session.query<{ bytes: string | null }>('SELECT SUM(data_length + index_length) AS bytes FROM information_schema.tables WHERE table_schema = ?', [name]);
        const id = remembered.find(({ kept }) => kept === name)?.operation_id;
        return { name, size_bytes: size?.bytes == null ? null : Number(size.bytes), operation: operations.find(({ operation_id }) => operation_id === id) ?? null };
      }));
    });
  }

  async dropReplaced(target: ConnectionTarget, name: string): Promise<string | null> {
    const own = mysqlTarget(target);
    if (!isKept(own.database, name)) return 'it is no database that a restore replaced';
    return inServer(own, async (session) => {
      const [used] = await session.query('SELECT 1 FROM information_schema.processlist WHERE db = ? LIMIT 1', [name]);
      if (used) return 'it is in use: somebody is connected to it';
      try {
        await session.query('SET SESSION lock_wait_timeout = 5');
        await session.query(`DROP DATABASE IF EXISTS ${quoted(name)}`);
        return null;
      } catch (error) {
        if (error instanceof MysqlError && !error.failure.connectionLost) return `the server refuses to drop it (${error.message})`;
        throw error;
      }
    });
  }

  restoreObstacles(target: ConnectionTarget, record: BackupRecord): Promise<string[]> {
    return restoreObstacles(mysqlTarget(target), record);
  }

  restoreDifferences(target: ConnectionTarget): Promise<string[]> {
    return restoreDifferences(mysqlTarget(target));
  }

  async #programs(target: ConnectionTarget) {
    return findPrograms((await this.database.identify(target, { mayBeMissing: true })).serverVersion);
  }

  async #emptySide(own: MysqlTarget, operationId: string): Promise<MysqlTarget> {
    const side = own.withDatabase(sideName(own.database, operationId));
    await inServer(own, async (session) => {
      if (await haveTables(session, own)) await settleExchange(session, own, operationId);
      await dropSide(session, own, operationId);
      await createLike(session, own, side.database);
    });
    return side;
  }
}

const inServer = <T>(target: MysqlTarget, work: (session: MysqlSession) => Promise<T>) => withSession(target, purposeName('restore'), work, { serverOnly: true });

/** The database beside, and its bookkeeping. */
async function dropSide(session: MysqlSession, { database }: MysqlTarget, operationId: string): Promise<void> {
  const side = sideName(database, operationId);
  for (const name of [side, bookkeepingName(side)]) await session.query(`DROP DATABASE IF EXISTS ${quoted(name)}`);
}

function failed(reason: string, suggestion: string): FaberError {
  return new FaberError({ code: 'backup_failed', message: `No backup can be taken: ${reason}. Nothing was changed`, result: { backup_error: reason }, suggestions: [suggestion] });
}
