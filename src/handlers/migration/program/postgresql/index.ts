/** PostgreSQL, for migrations that are programs: its transactions hold schema changes too. */
import { randomInt } from 'node:crypto';
import pg from 'pg';
import { ScriptError, type DatabaseHandler, type Session } from '../../../database/contract.js';
import { postgresTarget } from '../../../database/postgresql/connection-url.js';
import { endSessions } from '../../../database/postgresql/end-sessions.js';
import { LOCK_FENCE, ownFence, type FenceRow } from '../../../database/postgresql/fence.js';
import { maskStatement, statementKind } from '../../../database/postgresql/mask.js';
import { serverFailure } from '../../../database/postgresql/server-failure.js';
import { withSession } from '../../../database/postgresql/session.js';
import { FOREIGN, readingName } from '../../../database/postgresql/session-names.js';
import { findObjects } from '../../script/postgresql/evidence.js';
import { refuseLosses } from '../../script/postgresql/losses.js';
import { measureLosses } from '../../script/postgresql/measure-losses.js';
import type { ProgramSystem } from '../system.js';
import { classifySent } from './classify.js';
import { lasting } from './lasting.js';
import { readSent } from './statements.js';

/** One try waits so long for a lock: a waiting ALTER queues every query of the application behind it. */
const TRY_MS = 2_000;
/** The server's own limits stand behind ours, for the case that we are gone. */
const SERVER_MARGIN_MS = 5_000;
/** `fabp` in ASCII: the upper half of the keys. */
const LOCK_CLASS = 0x66616270;

const INSERT_STEP = 'INSERT INTO faber_db.steps (operation_id, migration, action, ledger_id, xid) VALUES ($1, $2, $3, $4, pg_catalog.txid_current())';
const relation = (schema: string, table: string) => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;

export function postgresPrograms(database: DatabaseHandler): ProgramSystem {
  return {
    async hold(target) {
      const key = randomInt(2 ** 31 - 1);
      const session = await database.connect(target, 'read proof');
      await session.query("SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'");
      await session.query('SELECT pg_catalog.pg_advisory_lock($1::int, $2::int)', [LOCK_CLASS, key]);
      return {
        isSeenBy: async (other) => {
          const rows = await other.query(
            `SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND classid = ${LOCK_CLASS} AND objid = ${key} AND granted
               AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,
          );
          return rows.length > 0;
        },
        release: () => session.close(),
      };
    },

    async failure({ message, fields }, sql) {
      const error = Object.assign(new pg.DatabaseError(message, 0, 'error'), fields);
      const failure = await serverFailure(error, { sql, statementIndex: null });
      return failure instanceof ScriptError ? failure : new ScriptError({ sqlState: null, message: 'the driver failed', line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false }, message);
    },

    isLockFailure: ({ fields }) => fields['code'] === '55P03' || fields['code'] === '40P01',

    async enter(session, fence, { timeoutSeconds }) {
      const server = Math.ceil(timeoutSeconds * 1000) + SERVER_MARGIN_MS;
      await session.query(`SET LOCAL lock_timeout = ${TRY_MS}`);
      await session.query(`SET LOCAL statement_timeout = ${server}`);
      await session.query(`SET LOCAL idle_in_transaction_session_timeout = ${server}`);
      const [row] = await session.query<FenceRow & Record<string, unknown>>(LOCK_FENCE);
      return { id: ownFence(row, fence) };
    },

    async leave(session, fence, held, step) {
      const [same] = await session.query<{ xid: string }>('SELECT pg_catalog.txid_current()::text AS xid');
      if (same?.xid !== held.id) {
        const message = 'the migration ended the transaction by itself (COMMIT or ROLLBACK); what it committed before stays, the rest was rolled back';
        throw new ScriptError({ sqlState: '2D000', message, line: null, statementIndex: null, statement: null, objects: {}, connectionLost: false }, message);
      }
      await session.query('RESET SESSION AUTHORIZATION');
      await session.query('RESET ROLE');
      if (step) await session.query(INSERT_STEP, [fence.operationId, step.migration, step.action, step.ledgerId]);
      else await session.query("INSERT INTO faber_db.own_transactions (operation_id, xid, what) VALUES ($1, pg_catalog.txid_current(), 'ledger') ON CONFLICT DO NOTHING", [fence.operationId]);
    },

    async recordStep(session, { operation_id, migration, action, ledgerId }) {
      await session.query(INSERT_STEP, [operation_id, migration, action, ledgerId]);
    },

    async lockLedger(session, schema, table) {
      if (await isThere(session, schema, table)) await session.query(`LOCK TABLE ${relation(schema, table)} IN SHARE ROW EXCLUSIVE MODE`);
    },

    async ledgerRows(session, schema, table, { order, at }) {
      if (!(await isThere(session, schema, table))) return null;
      const time = at === null ? 'NULL::text' : `to_char(${pg.escapeIdentifier(at)} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
      return session.query<{ name: string; at: string | null }>(`SELECT name::text AS name, ${time} AS at FROM ${relation(schema, table)} ORDER BY ${pg.escapeIdentifier(order)}`);
    },

    async isLocked(session, schema, table) {
      if (!(await isThere(session, schema, table))) return false;
      return (await session.query(`SELECT FROM ${relation(schema, table)} WHERE is_locked = 1`)).length > 0;
    },

    relationsOf: (table, key) => (key === null ? [table] : [table, `${table}_${key}_seq`]),

    async incarnation(session) {
      const [row] = await session.query<{ oid: string }>('SELECT oid::text AS oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()');
      return row!.oid;
    },

    async foreignSessions(session) {
      const rows = await session.query(`SELECT FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database() AND usesysid IS NOT NULL AND pid <> pg_catalog.pg_backend_pid() AND ${FOREIGN}`);
      return rows.length;
    },

    async endSessions(target, name, { timeoutSeconds }) {
      await withSession(postgresTarget(target), readingName('end'), (session) =>
        endSessions(session, `application_name = ${pg.escapeLiteral(name)}`, { signal: new AbortController().signal, timeoutSeconds, awaitConcurrently: true }));
    },

    lasting,

    async mask(sql) {
      return (await maskStatement(sql)) ?? statementKind(sql) ?? 'a statement that the grammar does not read';
    },

    classify: classifySent,

    async refuseLosses(session, name, up, down, steps) {
      await refuseLosses(session, name, await readSent(up), await readSent(down), steps);
    },

    measureLosses: (migrations, target) =>
      measureLosses(database, migrations.map((migration) => ({ ...migration, down: Buffer.from((migration.program?.tried?.down ?? []).join(';\n')) })), target),

    findObjects: (statements, target) => findObjects(database, { up: Buffer.from(statements.join(';\n')) }, target),
  };
}

async function isThere(session: Session, schema: string, table: string): Promise<boolean> {
  const [row] = await session.query<{ there: boolean }>('SELECT pg_catalog.to_regclass($1) IS NOT NULL AS there', [relation(schema, table)]);
  return row?.there === true;
}

