/**
 * Holds writes of others off while an operation changes the database: new sessions are read-only by default, existing ones
 * are ended. It stops applications, not a session that sets itself to read-write on purpose.
 */
import pg from 'pg';
import { FaberError } from '../../../contract/failure.js';
import type { Fence } from '../contract.js';
import { ensureTables } from './bookkeeping-tables.js';
import type { PostgresTarget } from './connection-url.js';
import { endSessions } from './end-sessions.js';
import { lockFence } from './fence.js';
import { recordThisTransaction } from './own-transactions.js';
import { withSession, type PostgresSession } from './session.js';
import { changingName, FOREIGN } from './session-names.js';

const SETTING = 'default_transaction_read_only';
const END_TIMEOUT_SECONDS = 30;

/**
 * Idempotent. The value that the database had before is remembered in `faber_db.write_hold` and put back.
 * Both ways end the others' sessions: a default is read when a session begins, so one begun meanwhile would stay read-only.
 * @throws FaberError lock_timeout when sessions cannot be ended (nothing is held then), fenced_off, unsupported.
 */
export async function holdWrites(target: PostgresTarget, fence: Fence, hold: boolean): Promise<void> {
  await ensureTables(target);
  await withSession(target, changingName(fence), async (session) => {
    if (!hold) {
      if (await release(session, fence)) await endOthers(session);
      return;
    }
    await refuseRolesThatOverride(session);
    await begin(session, fence);
    try {
      await endOthers(session);
    } catch (error) {
      await release(session, fence);
      throw error;
    }
  });
}

async function begin(session: PostgresSession, fence: Fence): Promise<void> {
  await inFencedTransaction(session, fence, 'hold writes', async () => {
    const held = await session.query('SELECT FROM faber_db.write_hold');
    if (held.length === 0) {
      await session.query('INSERT INTO faber_db.write_hold (operation_id, previous) VALUES ($1, $2)', [fence.operationId, await databaseSetting(session)]);
    }
    await session.query(`ALTER DATABASE ${await databaseName(session)} SET ${SETTING} = on`);
  });
}

/** @returns whether anything was held. */
async function release(session: PostgresSession, fence: Fence): Promise<boolean> {
  let released = false;
  await inFencedTransaction(session, fence, 'let writes on', async () => {
    const [held] = await session.query<{ previous: string | null }>('DELETE FROM faber_db.write_hold RETURNING previous');
    if (!held) return;
    released = true;
    const database = await databaseName(session);
    await session.query(
      held.previous === null ? `ALTER DATABASE ${database} RESET ${SETTING}` : `ALTER DATABASE ${database} SET ${SETTING} = ${pg.escapeLiteral(held.previous)}`,
    );
  });
  return released;
}

async function inFencedTransaction(session: PostgresSession, fence: Fence, what: string, work: () => Promise<void>): Promise<void> {
  await session.script("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '30s'");
  try {
    await lockFence(session, fence);
    await work();
    await recordThisTransaction(session, fence.operationId, what);
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

async function endOthers(session: PostgresSession): Promise<void> {
  await endSessions(session, FOREIGN, { signal: new AbortController().signal, timeoutSeconds: END_TIMEOUT_SECONDS, awaitConcurrently: false });
}

/** A role's own setting beats the database's, so its sessions would go on writing. */
async function refuseRolesThatOverride(session: PostgresSession): Promise<void> {
  const roles = await session.query<{ role: string }>(
    `SELECT pg_catalog.pg_get_userbyid(setrole)::text AS role FROM pg_catalog.pg_db_role_setting, unnest(setconfig) setting
     WHERE setrole <> 0 AND setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
       AND setting ~ '^${SETTING}=(off|false|no|0)$'`,
  );
  if (roles.length === 0) return;
  const names = roles.map(({ role }) => role).join(', ');
  throw new FaberError({
    code: 'unsupported',
    message: `Writes cannot be held off: ${names} ${roles.length > 1 ? 'have' : 'has'} ${SETTING} = off as a setting of the role. Nothing was changed.`,
    suggestions: roles.map(({ role }) => `ALTER ROLE ${pg.escapeIdentifier(role)} RESET ${SETTING}`),
  });
}

async function databaseSetting(session: PostgresSession): Promise<string | null> {
  const [row] = await session.query<{ value: string }>(
    `SELECT split_part(setting, '=', 2) AS value FROM pg_catalog.pg_db_role_setting, unnest(setconfig) setting
     WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND setting LIKE '${SETTING}=%'`,
  );
  return row?.value ?? null;
}

async function databaseName(session: PostgresSession): Promise<string> {
  const [row] = await session.query<{ name: string }>('SELECT current_database()::text AS name');
  return pg.escapeIdentifier(row!.name);
}
