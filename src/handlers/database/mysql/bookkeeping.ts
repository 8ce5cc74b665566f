/** What our bookkeeping remembers of changing operations: begun, ended, and each step. */
import mysql from 'mysql2';
import type { Bookkeeping, Fence, OperationRow, StepRow } from '../contract.js';
import { ensureTables, haveTables, tableOf } from './bookkeeping-tables.js';
import { checkFence, lockFence, takeFence } from './fence.js';
import { openRegistered } from './registered-session.js';
import { inPlainTransaction, readingName, withSession, type MysqlSession } from './session.js';
import { mysqlTarget, type MysqlTarget } from './url.js';

const TIME = (column: string) => `CONCAT(DATE_FORMAT(${column}, '%Y-%m-%dT%H:%i:%s.%f'), 'Z') AS ${column}`;
const REMEMBERED = `operation_id, operation, environment, request_digest, plan_hash, artifact, requested_by, ${TIME('begun_at')}, ${TIME('ended_at')}`;
const OPERATION = `${REMEMBERED}, answer`;

export const mysqlBookkeeping: Bookkeeping = {
  ensure: (target) => ensureTables(mysqlTarget(target)),
  takeFence: (target, operationId, options) => takeFence(mysqlTarget(target), operationId, options),
  checkFence: (session, fence) => checkFence(session, mysqlTarget((session as MysqlSession).target), fence),

  async operation(target, operationId) {
    const [row] = await read<OperationRow>(mysqlTarget(target), (table) => `SELECT ${OPERATION} FROM ${table('operations')} WHERE operation_id = ?`, [operationId]);
    return row ? answered(row) : null;
  },

  remembered: (target) => read<Omit<OperationRow, 'answer'>>(mysqlTarget(target), (table) => `SELECT ${REMEMBERED} FROM ${table('operations')} o ORDER BY o.begun_at`),

  async unfinished(target) {
    return (await read<OperationRow>(mysqlTarget(target), (table) => `SELECT ${OPERATION} FROM ${table('operations')} o WHERE o.ended_at IS NULL ORDER BY o.begun_at`)).map(answered);
  },

  markerStatement: (target, environment) => `UPDATE ${tableOf(mysqlTarget(target), 'marker')} SET environment = ${mysql.escape(environment)}`,
  steps: (target, operationId) =>
    read<StepRow>(mysqlTarget(target), (table) => `SELECT operation_id, migration, action, ledger_id, NULL AS xid, ${TIME('at')} FROM ${table('steps')} s WHERE operation_id = ? ORDER BY s.n`, [operationId]),

  lastSteps: (target) =>
    read<StepRow>(mysqlTarget(target), (table) => `SELECT operation_id, migration, action, ledger_id, NULL AS xid, ${TIME('at')} FROM ${table('steps')} s WHERE s.n IN (SELECT MAX(n) FROM ${table('steps')} GROUP BY migration) ORDER BY s.migration`),

  async begin(target, fence, row, marker) {
    await fencedRows(mysqlTarget(target), fence, async (session, table) => {
      await session.query(
        `INSERT INTO ${table('operations')} (operation_id, operation, environment, request_digest, plan_hash, artifact, requested_by, begun_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))
         ON DUPLICATE KEY UPDATE plan_hash = VALUES(plan_hash), artifact = VALUES(artifact), ended_at = NULL, answer = NULL`,
        [row.operation_id, row.operation, row.environment, row.request_digest, row.plan_hash, row.artifact, row.requested_by],
      );
      if (marker === null) return;
      await session.query(`REPLACE INTO ${table('marker')} (one, environment, operation_id, written_at) VALUES (1, ?, ?, UTC_TIMESTAMP(6))`, [marker, row.operation_id]);
    });
  },

  async end(target, fence, operationId, answer) {
    await fencedRows(mysqlTarget(target), fence, async (session, table) => {
      await session.query(`UPDATE ${table('operations')} SET ended_at = COALESCE(ended_at, UTC_TIMESTAMP(6)), answer = ? WHERE operation_id = ?`, [JSON.stringify(answer ?? null), operationId]);
    });
  },
};

/** The answer as it was given; the column is text, since MariaDB's JSON is text too. */
const answered = (row: OperationRow): OperationRow => ({ ...row, answer: typeof row.answer === 'string' ? (JSON.parse(row.answer) as unknown) : null });

type TableOf = (table: string) => string;

/** Rows of one query, or none where there is no bookkeeping. */
async function read<Row>(target: MysqlTarget, sql: (table: TableOf) => string, parameters: unknown[] = []): Promise<Row[]> {
  return withSession(target, readingName('bookkeeping'), async (session) => ((await haveTables(session, target)) ? session.query<Row>(sql((table) => tableOf(target, table)), parameters) : []));
}

/** A short transaction of our own on our own rows; under the fence when there is one. */
async function fencedRows(target: MysqlTarget, fence: Fence | null, write: (session: MysqlSession, table: TableOf) => Promise<void>): Promise<void> {
  const session = fence ? await openRegistered(target, fence.operationId, 'change') : null;
  const inOne = (one: MysqlSession) => inPlainTransaction(one, async () => {
    await one.query('SET SESSION innodb_lock_wait_timeout = 10');
    if (fence) await lockFence(one, target, fence);
    await write(one, (table) => tableOf(target, table));
  });
  if (!session) return withSession(target, readingName('end'), inOne);
  try {
    await inOne(session);
  } finally {
    await session.close();
  }
}
