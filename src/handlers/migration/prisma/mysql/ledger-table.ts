/** Prisma's ledger table on MySQL: the statements that its own engine issues, qualified by the database. */
import { randomUUID } from 'node:crypto';
import type { Session } from '../../../database/contract.js';
import { quoted } from '../../../database/mysql/names.js';
import type { Migration } from '../../contract.js';
import { sha256 } from '../../script/checksum.js';
import { LEDGER_TABLE } from '../ledger.js';

/** Name of the user lock that Prisma's engine holds while it migrates; of the whole server. */
export const PRISMA_LOCK = 'prisma_migrate';

export const ledgerOf = (database: string) => `${quoted(database)}.${quoted(LEDGER_TABLE)}`;

/** As Prisma's engine creates it; of the engine that rolls back, whatever the server's default is. */
export function createLedger(database: string): string {
  return `CREATE TABLE IF NOT EXISTS ${ledgerOf(database)} (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             DATETIME(3),
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          DATETIME(3),
    started_at              DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    applied_steps_count     INTEGER UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`;
}

/** The engine of the ledger; null where there is none. */
export async function ledgerEngine(session: Session, database: string): Promise<string | null> {
  const [row] = await session.query<{ engine: string | null }>('SELECT engine AS engine FROM information_schema.tables WHERE table_schema = ? AND table_name = ?', [database, LEDGER_TABLE]);
  return row ? (row.engine ?? 'unknown') : null;
}

/** What of a row decides whether a migration may run. */
export interface OpenRow { id: string; checksum: string | null; finished: boolean }

/** Rows of a migration that were not rolled back, oldest first. */
export async function openRows(session: Session, database: string, name: string): Promise<OpenRow[]> {
  const rows = await session.query<{ id: string; checksum: string | null; finished: number }>(
    `SELECT id, checksum, finished_at IS NOT NULL AS finished FROM ${ledgerOf(database)} WHERE migration_name = ? AND rolled_back_at IS NULL ORDER BY started_at, id`, [name],
  );
  return rows.map((row) => ({ ...row, finished: Number(row.finished) === 1 }));
}

export type Recorded = Pick<Migration, 'name' | 'up'>;

/** The row of a migration whose script begins; Prisma's CLI stops at it (P3009) until it is settled. */
export async function recordBegun(session: Session, database: string, id: string, { name, up }: Recorded): Promise<void> {
  await session.query(`INSERT INTO ${ledgerOf(database)} (id, checksum, migration_name, started_at, applied_steps_count) VALUES (?, ?, ?, UTC_TIMESTAMP(3), 0)`, [id, sha256(up), name]);
}

export async function recordFinished(session: Session, database: string, id: string): Promise<void> {
  await session.query(`UPDATE ${ledgerOf(database)} SET finished_at = UTC_TIMESTAMP(3), applied_steps_count = 1 WHERE id = ?`, [id]);
}

/** `logs` must hold no row value. */
export async function recordLogs(session: Session, database: string, id: string, logs: string): Promise<void> {
  await session.query(`UPDATE ${ledgerOf(database)} SET logs = ? WHERE id = ?`, [logs, id]);
}

/** Prisma reads a row with rolled_back_at as history: the migration is pending again. */
export async function recordRolledBack(session: Session, database: string, id: string): Promise<void> {
  await session.query(`UPDATE ${ledgerOf(database)} SET rolled_back_at = UTC_TIMESTAMP(3) WHERE id = ?`, [id]);
}

/** As `prisma migrate resolve --applied` does it: finished without a step, its logs empty and not NULL. */
export async function recordWithoutRunning(session: Session, database: string, { name, up }: Recorded): Promise<void> {
  await session.query(
    `INSERT INTO ${ledgerOf(database)} (id, checksum, migration_name, started_at, finished_at, applied_steps_count, logs) VALUES (?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 0, '')`,
    [randomUUID(), sha256(up), name],
  );
}
