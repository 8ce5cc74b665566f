/** A dump and the row counts of one and the same moment. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableCount } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import { barrier } from '../../../barrier.js';
import type { SchemaFact } from '../../../database/contract.js';
import { isLockRefusal } from '../../../database/mysql/changing-session.js';
import { schemaFacts } from '../../../database/mysql/fingerprint.js';
import { countsIn } from '../../../database/mysql/measure.js';
import { quoted } from '../../../database/mysql/names.js';
import { logPosition } from '../../../database/mysql/quiet.js';
import { codeObjects, tablesIn, type CodeObject, type TableInfo } from '../../../database/mysql/schema-objects.js';
import { purposeName, withSession, type MysqlSession } from '../../../database/mysql/session.js';
import type { MysqlTarget } from '../../../database/mysql/url.js';
import type { BackupOptions, Pieces, Take } from '../../contract.js';
import type { WriteDump } from '../create.js';
import type { Program } from '../process.js';
import { pipe } from '../stream.js';
import type { Programs } from './programs.js';

export interface DumpedDatabase {
  tables: TableCount[];
  snapshot: { position: string; lsn: null };
  facts: SchemaFact[];
  code: CodeObject[];
}

/** Seconds. While the lock is waited for, every writer waits behind it. */
const ONE_TRY = 2;

/**
 * MySQL cannot share a snapshot between sessions. So the tables are held against writers until both snapshots are taken, ours for the
 * counts and the dump's own; that takes about as long as the program takes to start, and readers are never held.
 * @throws FaberError unsupported where a table's engine has no snapshots, backup_failed when the lock was not to be had
 */
export async function dumpInSnapshot(target: MysqlTarget, programs: Programs, options: BackupOptions, write: WriteDump): Promise<DumpedDatabase> {
  return withSession(target, purposeName('backup'), (holder) => withSession(target, purposeName('backup'), async (reader) => {
    const tables = await tablesIn(holder, target.database);
    requireSnapshots(tables);
    await reader.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await hold(holder, target, tables, options);
    let held = true;
    const letGo = async () => {
      if (held) await holder.query('UNLOCK TABLES');
      held = false;
    };
    try {
      await reader.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
      const position = await logPosition(reader);
      const [facts, code] = [await schemaFacts(target, []), await codeObjects(reader, target.database)];
      requireVisible(code, target);
      // The dump begins its transaction before it writes about the first table.
      await write(watching(dumpProgram(target, programs), /(?:DROP|CREATE) (?:TABLE|VIEW|SEQUENCE)|Dump completed|^\/\*!40111 SET SQL_NOTES/m, letGo, options.signal), options.signal);
      await letGo();
      await barrier('mysql-after-dump', options.signal);
      const counts = await countsIn(reader, target.database);
      await reader.query('COMMIT');
      return { tables: counts, snapshot: { position, lsn: null }, facts, code };
    } finally {
      await letGo().catch(() => {});
    }
  }));
}

function dumpProgram(target: MysqlTarget, { dump, mariadb, env }: Programs): Program {
  const options = target.programOptions();
  const own = mariadb ? [] : ['--set-gtid-purged=OFF', '--column-statistics=0'];
  const args = [...options.args, '--single-transaction', '--quick', '--skip-lock-tables', '--hex-blob', '--routines', '--events', '--triggers', '--no-tablespaces', '--skip-comments', ...own, '--', target.database];
  return { name: mariadb ? 'mariadb-dump' : 'mysqldump', file: dump, args, env: { ...env, ...options.env } };
}

/** The program's bytes, unchanged; `seen` is called once the pattern has come, or the end. */
function watching(program: Program, pattern: RegExp, seen: () => Promise<void>, signal: AbortSignal): Pieces {
  return async (take: Take) => {
    let head = '';
    let done = false;
    await pipe(program, null, async (piece) => {
      if (!done) {
        head += Buffer.from(piece).toString('latin1');
        if (pattern.test(head) || head.length > 65_536) {
          done = true;
          await seen();
        }
      }
      await take(piece);
    }, signal);
  };
}

function requireSnapshots(tables: readonly TableInfo[]): void {
  const other = tables.filter(({ kind, engine }) => kind === 'table' && engine !== null && engine.toLowerCase() !== 'innodb');
  if (other.length === 0) return;
  throw new FaberError({
    code: 'unsupported',
    message: `A backup would not be of one moment: ${other.slice(0, 5).map(({ name, engine }) => `${name} (${engine})`).join(', ')}${other.length > 5 ? ` and ${other.length - 5} more` : ''} have an engine without snapshots. Nothing was changed`,
    suggestions: [`ALTER TABLE ${quoted(other[0]!.name)} ENGINE=InnoDB`],
  });
}

/** A routine of another user shows no body, and the dump would hold none. */
export function requireVisible(code: readonly CodeObject[], target: MysqlTarget): void {
  const hidden = code.filter(({ sql }) => sql === null);
  if (hidden.length === 0) return;
  throw new FaberError({
    code: 'unsupported',
    message: `The user ${target.user} may not see the definition of ${hidden.map(({ kind, name, definer }) => `${kind} ${name} (of ${definer})`).slice(0, 5).join(', ')}: a backup would lose it. Nothing was changed`,
    suggestions: ['As an administrator: GRANT SELECT ON mysql.proc (MariaDB) or GRANT SHOW_ROUTINE ON *.* (MySQL) to the user'],
  });
}

async function hold(session: MysqlSession, target: MysqlTarget, tables: readonly TableInfo[], { settings, signal }: BackupOptions): Promise<void> {
  const names = tables.filter(({ kind }) => kind !== 'view').map(({ name }) => `${quoted(target.database)}.${quoted(name)} READ`);
  if (names.length === 0) return;
  await session.query(`SET SESSION lock_wait_timeout = ${ONE_TRY}`);
  const begun = performance.now();
  for (;;) {
    signal.throwIfAborted();
    try {
      await session.query(`LOCK TABLES ${names.join(', ')}`);
      return;
    } catch (error) {
      if (!isLockRefusal(error)) throw error;
      if (performance.now() - begun > settings.migrations.lock_timeout_seconds * 1000) {
        const reason = 'a transaction that has written stayed open, and the tables could not be held still for the moment in which the snapshot is taken';
        throw new FaberError({ code: 'backup_failed', message: `The backup of ${target.describe()} could not be taken: ${reason}. Nothing was changed`, result: { backup_error: reason }, suggestions: ['End the long transaction (SHOW PROCESSLIST), or raise migrations.lock_timeout_seconds, and try again'] }, { cause: error });
      }
      await sleep(500 + Math.random() * 1000, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}
