/**
 * The schema `faber_db` in the target. It is left out of dumps and copied by a swap table by table, so no sequence may
 * hold state: rows are ordered by their time.
 */
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type Session } from '../contract.js';
import type { PostgresTarget } from './connection-url.js';
import { withSession } from './session.js';
import { purposeName } from './session-names.js';

const TABLES = ['marker', 'fence', 'operations', 'steps', 'own_transactions', 'write_hold'];

const DDL = `
  CREATE SCHEMA IF NOT EXISTS faber_db;
  COMMENT ON SCHEMA faber_db IS 'Bookkeeping of faber-db: which environment this is, who may change it, what was done.';
  CREATE TABLE IF NOT EXISTS faber_db.marker (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    environment text NOT NULL,
    operation_id text,
    written_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE IF NOT EXISTS faber_db.fence (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    token bigint NOT NULL,
    operation_id text,
    taken_at timestamptz,
    attempt_at bigint
  );
  INSERT INTO faber_db.fence (token) VALUES (0) ON CONFLICT DO NOTHING;
  CREATE TABLE IF NOT EXISTS faber_db.operations (
    operation_id text PRIMARY KEY,
    operation text NOT NULL,
    environment text NOT NULL,
    request_digest text NOT NULL,
    plan_hash text,
    artifact text,
    requested_by text,
    attempt_at bigint,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    answer jsonb
  );
  CREATE TABLE IF NOT EXISTS faber_db.steps (
    operation_id text NOT NULL,
    migration text NOT NULL,
    action text NOT NULL CHECK (action IN ('applied', 'reverted', 'started')),
    ledger_id text,
    xid bigint,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
  );
  CREATE INDEX IF NOT EXISTS steps_by_operation ON faber_db.steps (operation_id, at);
  CREATE TABLE IF NOT EXISTS faber_db.own_transactions (
    operation_id text NOT NULL,
    xid bigint NOT NULL,
    what text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (operation_id, xid)
  );
  CREATE TABLE IF NOT EXISTS faber_db.write_hold (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    operation_id text NOT NULL,
    previous text,
    held_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );`;

/** Any number that no migration tool uses: two first runs at once would both find no schema. */
const ENSURE_LOCK = 4_270_231_506;

/** @throws FaberError target_mismatch on a standby; unsupported when the role may not create the schema. */
export async function ensureTables(target: PostgresTarget): Promise<void> {
  await withSession(target, purposeName('bookkeeping'), async (session) => {
    if (await haveTables(session)) return;
    try {
      await session.script(`BEGIN READ WRITE; SET LOCAL statement_timeout = '60s'; SELECT pg_catalog.pg_advisory_xact_lock(${ENSURE_LOCK}); ${DDL} COMMIT`);
    } catch (error) {
      throw refusalOf(error, target);
    }
  });
}

export async function haveTables(session: Session): Promise<boolean> {
  const [row] = await session.query<{ found: number }>(
    `SELECT count(*)::int AS found FROM pg_catalog.pg_class WHERE relnamespace = to_regnamespace('faber_db') AND relkind = 'r' AND relname = ANY ($1)`,
    [TABLES],
  );
  return row!.found === TABLES.length;
}

function refusalOf(error: unknown, target: PostgresTarget): unknown {
  if (!(error instanceof ScriptError)) return error;
  if (error.failure.sqlState === '25006') {
    return new FaberError({ code: 'target_mismatch', message: `The database ${target.describe()} is read-only, as a standby is. Nothing was changed.`, suggestions: ['Name the primary in the URL.'] }, { cause: error });
  }
  if (error.failure.sqlState === '42501') {
    return new FaberError({
      code: 'unsupported',
      message: `The role ${target.user} may not create the schema faber_db in ${target.describe()} (${error.message}). Nothing was changed.`,
      suggestions: [`As the owner: GRANT CREATE ON DATABASE "${target.database}" TO "${target.user}"`],
    }, { cause: error });
  }
  return error;
}
