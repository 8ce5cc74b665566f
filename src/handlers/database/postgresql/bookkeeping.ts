/** What `faber_db` remembers of changing operations: begun, ended, and each step. */
import pg from 'pg';
import type { Bookkeeping, Fence, OperationRow, StepRow } from '../contract.js';
import { ensureTables, haveTables } from './bookkeeping-tables.js';
import { postgresTarget, type PostgresTarget } from './connection-url.js';
import { checkFence, lockFence, takeFence } from './fence.js';
import { recordThisTransaction } from './own-transactions.js';
import { withSession, type PostgresSession } from './session.js';
import { changingName, readingName } from './session-names.js';

const TIME = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ${column}`;
const REMEMBERED = `operation_id, operation, environment, request_digest, plan_hash, artifact, requested_by, ${TIME('begun_at')}, ${TIME('ended_at')}`;
const OPERATION = `${REMEMBERED}, answer`;

export const postgresBookkeeping: Bookkeeping = {
  ensure: (target) => ensureTables(postgresTarget(target)),

  takeFence: (target, operationId, options) => takeFence(postgresTarget(target), operationId, options),
  checkFence,

  async operation(target, operationId) {
    const rows = await read<OperationRow>(postgresTarget(target), `SELECT ${OPERATION} FROM faber_db.operations WHERE operation_id = $1`, [operationId]);
    return rows[0] ?? null;
  },

  remembered: (target) => read<Omit<OperationRow, 'answer'>>(postgresTarget(target), `SELECT ${REMEMBERED} FROM faber_db.operations o ORDER BY o.begun_at`),

  unfinished: (target) => read<OperationRow>(postgresTarget(target), `SELECT ${OPERATION} FROM faber_db.operations o WHERE o.ended_at IS NULL ORDER BY o.begun_at`),

  markerStatement: (_target, environment) => `UPDATE faber_db.marker SET environment = ${pg.escapeLiteral(environment)}`,
  steps: (target, operationId) =>
    read<StepRow>(
      postgresTarget(target),
      `SELECT operation_id, migration, action, ledger_id, xid::text AS xid, ${TIME('at')} FROM faber_db.steps s WHERE operation_id = $1 ORDER BY s.at`,
      [operationId],
    ),

  lastSteps: (target) =>
    read<StepRow>(
      postgresTarget(target),
      `SELECT DISTINCT ON (migration) operation_id, migration, action, ledger_id, xid::text AS xid, ${TIME('at')} FROM faber_db.steps s ORDER BY migration, s.at DESC`,
    ),

  async begin(target, fence, row, marker) {
    await fencedRows(postgresTarget(target), fence, 'begin', async (session) => {
      await session.query(
        `INSERT INTO faber_db.operations (operation_id, operation, environment, request_digest, plan_hash, artifact, requested_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (operation_id) DO UPDATE SET plan_hash = $5, artifact = $6, ended_at = NULL, answer = NULL`,
        [row.operation_id, row.operation, row.environment, row.request_digest, row.plan_hash, row.artifact, row.requested_by],
      );
      if (marker === null) return;
      await session.query(
        `INSERT INTO faber_db.marker (environment, operation_id) VALUES ($1, $2)
         ON CONFLICT (one) DO UPDATE SET environment = $1, operation_id = $2, written_at = now()`,
        [marker, row.operation_id],
      );
    });
  },

  async end(target, fence, operationId, answer) {
    await fencedRows(postgresTarget(target), fence, 'end', async (session) => {
      await session.query('UPDATE faber_db.operations SET ended_at = coalesce(ended_at, clock_timestamp()), answer = $2::jsonb WHERE operation_id = $1', [
        operationId,
        JSON.stringify(answer ?? null),
      ]);
      await recordThisTransaction(session, operationId, 'end');
    });
  },
};

/**
 * See `DatabaseHandler.makeDurable`. The log is written in order: whoever waits for its own commit record has waited for all before it.
 * https://www.postgresql.org/docs/current/wal-async-commit.html
 */
export async function makeDurable(target: PostgresTarget, fence: Fence): Promise<void> {
  await fencedRows(target, fence, 'durable', async (session) => {
    await session.query("SELECT pg_catalog.set_config('synchronous_commit', 'on', true) WHERE pg_catalog.current_setting('synchronous_commit') = 'off'");
  });
}

/** Rows of one query, or none where there is no bookkeeping: a database that was never changed by us has no such schema. */
async function read<Row>(target: PostgresTarget, sql: string, parameters: unknown[] = []): Promise<Row[]> {
  return withSession(target, readingName('bookkeeping'), async (session) => ((await haveTables(session)) ? session.query<Row>(sql, parameters) : []));
}

/** A short transaction of our own on our own rows; under the fence when there is one. */
async function fencedRows(target: PostgresTarget, fence: Fence | null, what: string, write: (session: PostgresSession) => Promise<void>): Promise<void> {
  await withSession(target, fence ? changingName(fence) : readingName(what), async (session) => {
    await session.script("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '30s'");
    if (fence) {
      await lockFence(session, fence);
      await recordThisTransaction(session, fence.operationId, what);
    }
    await write(session);
    await session.query('COMMIT');
  });
}
