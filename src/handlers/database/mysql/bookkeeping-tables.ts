/** The database beside the target that keeps our bookkeeping; see `bookkeepingName`. A restore exchanges tables and leaves it alone. */
import { FaberError } from '../../../contract/failure.js';
import type { Session } from '../contract.js';
import { bookkeepingName, grantStatement, quoted } from './names.js';
import { DENIED, errnoOf, LOCK_WAIT_TIMEOUT, MysqlError } from './server-failure.js';
import { purposeName, withSession } from './session.js';
import type { MysqlTarget } from './url.js';

/** Definitions of the tables; all are transactional, whatever the server's default engine. Times are UTC. */
const TABLES: Record<string, string> = {
  marker: `one TINYINT PRIMARY KEY, environment TEXT NOT NULL, operation_id VARCHAR(255), written_at DATETIME(6) NOT NULL`,
  fence: `one TINYINT PRIMARY KEY, token BIGINT NOT NULL, operation_id VARCHAR(255), taken_at DATETIME(6), attempt_at BIGINT`,
  operations: `operation_id VARCHAR(255) PRIMARY KEY, operation VARCHAR(64) NOT NULL, environment TEXT NOT NULL, request_digest VARCHAR(128) NOT NULL,
    plan_hash VARCHAR(128), artifact VARCHAR(128), requested_by TEXT, attempt_at BIGINT, begun_at DATETIME(6) NOT NULL, ended_at DATETIME(6), answer LONGTEXT`,
  steps: `n BIGINT AUTO_INCREMENT PRIMARY KEY, operation_id VARCHAR(255) NOT NULL, migration VARCHAR(255) NOT NULL, action VARCHAR(16) NOT NULL,
    ledger_id VARCHAR(255), at DATETIME(6) NOT NULL, KEY steps_by_operation (operation_id)`,
  sessions: `lock_name VARCHAR(64) PRIMARY KEY, operation_id VARCHAR(255) NOT NULL, opened_at DATETIME(6) NOT NULL`,
  scripts: `ledger_id VARCHAR(255) PRIMARY KEY, operation_id VARCHAR(255) NOT NULL, migration VARCHAR(255) NOT NULL, sha256 CHAR(64) NOT NULL, facts LONGTEXT NOT NULL, failure LONGTEXT, begun_at DATETIME(6) NOT NULL`,
  statements: `ledger_id VARCHAR(255) NOT NULL, position INT NOT NULL, sha256 CHAR(64) NOT NULL, state VARCHAR(16) NOT NULL, facts LONGTEXT, at DATETIME(6) NOT NULL, PRIMARY KEY (ledger_id, position)`,
  exchanges: `operation_id VARCHAR(255) PRIMARY KEY, side VARCHAR(64) NOT NULL, kept VARCHAR(64) NOT NULL, plan LONGTEXT NOT NULL, state VARCHAR(16) NOT NULL, at DATETIME(6) NOT NULL`,
};

/** The name of a bookkeeping table for SQL, with its database: a script may have changed the session's. */
export const tableOf = (target: Pick<MysqlTarget, 'database'>, table: string) => `${quoted(bookkeepingName(target.database))}.${quoted(table)}`;

/** @throws FaberError target_mismatch on a read-only server; unsupported when the user may not create the database, with the GRANT that helps. */
export async function ensureTables(target: MysqlTarget): Promise<void> {
  await withSession(target, purposeName('bookkeeping'), async (session) => {
    if (await haveTables(session, target)) return;
    const name = bookkeepingName(target.database);
    try {
      await session.query('SET SESSION lock_wait_timeout = 30');
      await session.query("SET SESSION sql_mode = 'STRICT_TRANS_TABLES'");
      await session.query(`CREATE DATABASE IF NOT EXISTS ${quoted(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
      for (const [table, columns] of Object.entries(TABLES)) await session.query(`CREATE TABLE IF NOT EXISTS ${tableOf(target, table)} (${columns}) ENGINE=InnoDB`);
      await session.query(`INSERT IGNORE INTO ${tableOf(target, 'fence')} (one, token) VALUES (1, 0)`);
    } catch (error) {
      throw refusalOf(error, target);
    }
  });
}

/** Whether the bookkeeping is there; asked without a right to it, the answer is no. */
export async function haveTables(session: Session, target: Pick<MysqlTarget, 'database'>): Promise<boolean> {
  const [row] = await session.query<{ found: number }>(
    `SELECT COUNT(*) AS found FROM information_schema.tables WHERE table_schema = ? AND table_name IN (${Object.keys(TABLES).map(() => '?').join(', ')})`,
    [bookkeepingName(target.database), ...Object.keys(TABLES)],
  );
  return Number(row!.found) === Object.keys(TABLES).length;
}

/** A right that is missing beside the target, with the statement that gives it. */
export function mayNotBeside(what: string, { database, user }: MysqlTarget, cause: unknown): FaberError {
  const told = cause instanceof MysqlError ? ` (${cause.message})` : '';
  return new FaberError({
    code: 'unsupported',
    message: `The user ${user} may not ${what}${told}. faber-db keeps its bookkeeping, scratch and replaced databases beside ${database}, all called ${database}_faber_…. Nothing was changed.`,
    suggestions: [`As an administrator (with the host of the user): ${grantStatement(database, user)}`],
  }, { cause });
}

function refusalOf(error: unknown, target: MysqlTarget): unknown {
  const errno = errnoOf(error);
  if (errno === 1290 || errno === 1792 || errno === 1836) {
    return new FaberError({ code: 'target_mismatch', message: `The server of ${target.describe()} is read-only, as a replica is. Nothing was changed.`, suggestions: ['Name the primary in the URL.'] }, { cause: error });
  }
  if (errno !== null && DENIED.includes(errno)) return mayNotBeside(`create the database ${bookkeepingName(target.database)}`, target, error);
  if (errno === LOCK_WAIT_TIMEOUT) {
    return new FaberError({ code: 'lock_timeout', message: `The bookkeeping of ${target.describe()} could not be created: a lock was not to be had. Nothing was changed.`, suggestions: ['End the sessions that hold it (SHOW PROCESSLIST), and start again.'] }, { cause: error });
  }
  return error;
}
