/** Prisma's ledger table: the statements that its own engine issues, schema-qualified. */
import pg from 'pg';
import type { Session } from '../../../database/contract.js';
import { LEDGER_TABLE } from '../ledger.js';

/** Key of the advisory lock that Prisma's engine holds while it migrates. */
export const PRISMA_LOCK = 72707369;

/** The ledger, qualified and quoted: a script may have changed search_path. */
export const ledgerOf = (schema: string) => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(LEDGER_TABLE)}`;

/** As Prisma's PostgreSQL engine creates it. */
export function createLedger(schema: string): string {
  return `CREATE TABLE ${ledgerOf(schema)} (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;
}

/** What of a row decides whether a migration may run. */
export interface OpenRow { id: string; checksum: string | null; finished: boolean }

/** Rows of a migration that were not rolled back, oldest first: `OpenRow` each. */
export const openRowsQuery = (schema: string, name: string) =>
  `SELECT id, checksum, finished_at IS NOT NULL AS finished FROM ${ledgerOf(schema)}
    WHERE migration_name = ${pg.escapeLiteral(name)} AND rolled_back_at IS NULL ORDER BY started_at, id`;

export async function openRows(session: Session, schema: string, name: string): Promise<OpenRow[]> {
  return session.query<OpenRow & Record<string, unknown>>(openRowsQuery(schema, name));
}

export async function ledgerExists(session: Session, schema: string): Promise<boolean> {
  const rows = await session.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')) AS found`,
    [schema, LEDGER_TABLE],
  );
  return rows[0]?.found === true;
}
