/** Prisma's ledger on SQLite: the statements and values that its own engine issues (ran: its engine of 7 on a file of its own). */
import { randomUUID } from 'node:crypto';
import type { Session } from '../../../database/contract.js';
import type { Migration } from '../../contract.js';
import { sha256 } from '../../script/checksum.js';
import { LEDGER_TABLE } from '../ledger.js';

export const LEDGER = `main."${LEDGER_TABLE}"`;

export const CREATE_LEDGER = `CREATE TABLE "${LEDGER_TABLE}" (
    "id"                    TEXT PRIMARY KEY NOT NULL,
    "checksum"              TEXT NOT NULL,
    "finished_at"           DATETIME,
    "migration_name"        TEXT NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        DATETIME,
    "started_at"            DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count"   INTEGER UNSIGNED NOT NULL DEFAULT 0
)`;

export type Recorded = Pick<Migration, 'name' | 'up'>;

/** What of a row decides whether a migration may run. */
export interface OpenRow { id: string; checksum: string | null; finished: boolean }

/** Rows of a migration that were not rolled back, oldest first. */
export async function openRows(session: Session, name: string): Promise<OpenRow[]> {
  const rows = await session.query<{ id: string; checksum: string | null; finished: number }>(
    `SELECT id, checksum, finished_at IS NOT NULL AS finished FROM ${LEDGER} WHERE migration_name = ? AND rolled_back_at IS NULL ORDER BY ${milliseconds('started_at')}, id`, [name]);
  return rows.map((row) => ({ ...row, finished: row.finished === 1 }));
}

export async function ledgerExists(session: Session): Promise<boolean> {
  return (await session.query(`SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = ?`, [LEDGER_TABLE])).length > 0;
}

/** The native engine writes integers of milliseconds; its WebAssembly with an adapter, and the column's default, write text. */
export const milliseconds = (column: string) =>
  `CASE typeof(${column}) WHEN 'integer' THEN ${column} WHEN 'text' THEN CAST(round((julianday(${column}) - 2440587.5) * 86400000) AS INTEGER) END`;

const ID = (id: string) => `'${id.replaceAll("'", "''")}'`;

/** Finds the row for good once the step is committed. */
export const provesApplied = (id: string) => `SELECT 1 FROM ${LEDGER} WHERE id = ${ID(id)} AND finished_at IS NOT NULL`;
export const provesRolledBack = (id: string) => `SELECT 1 FROM ${LEDGER} WHERE id = ${ID(id)} AND rolled_back_at IS NOT NULL`;

/** The row of a migration that ran in the same transaction. */
export async function recordApplied(session: Session, id: string, { name, up }: Recorded, startedAt: number): Promise<void> {
  await session.query(`INSERT INTO ${LEDGER} (id, checksum, migration_name, started_at, finished_at, applied_steps_count) VALUES (?, ?, ?, ?, ?, 1)`, [id, sha256(up), name, startedAt, Date.now()]);
}

/** Prisma reads a row with rolled_back_at as history: the migration is pending again. */
export async function recordRolledBack(session: Session, id: string): Promise<void> {
  await session.query(`UPDATE ${LEDGER} SET rolled_back_at = ? WHERE id = ?`, [Date.now(), id]);
}

/** As `prisma migrate resolve --applied` does it: finished without a step, its logs empty and not NULL. */
export async function recordWithoutRunning(session: Session, { name, up }: Recorded): Promise<void> {
  const at = Date.now();
  await session.query(`INSERT INTO ${LEDGER} (id, checksum, migration_name, started_at, finished_at, applied_steps_count, logs) VALUES (?, ?, ?, ?, ?, 0, '')`, [randomUUID(), sha256(up), name, at, at]);
}
