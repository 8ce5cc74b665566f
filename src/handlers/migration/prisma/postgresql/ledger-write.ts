/** Writes to Prisma's ledger, such that its own CLI agrees. All run inside a transaction of the caller. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Session } from '../../../database/contract.js';
import type { Migration } from '../../contract.js';
import { sha256 } from '../../script/checksum.js';
import { ledgerOf } from './ledger-table.js';

export type Recorded = Pick<Migration, 'name' | 'up'>;

/** Writes the row of a migration that ran in the same transaction: begun with it, finished now. */
export function appliedRow(schema: string, id: string, { name, up }: Recorded): string {
  return `INSERT INTO ${ledgerOf(schema)} (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
    VALUES (${[id, sha256(up), name].map((value) => pg.escapeLiteral(value)).join(', ')}, pg_catalog.now(), pg_catalog.clock_timestamp(), 1)`;
}

/** The row of a script that runs outside a transaction: begun, not finished. Prisma's CLI stops at it (P3009) until it is settled. */
export async function recordBegun(session: Session, schema: string, id: string, { name, up }: Recorded): Promise<void> {
  await session.query(
    `INSERT INTO ${ledgerOf(schema)} (id, checksum, migration_name, started_at, applied_steps_count) VALUES ($1, $2, $3, now(), 0)`,
    [id, sha256(up), name],
  );
}

export async function recordFinished(session: Session, schema: string, id: string): Promise<void> {
  await session.query(`UPDATE ${ledgerOf(schema)} SET finished_at = pg_catalog.clock_timestamp(), applied_steps_count = 1 WHERE id = $1`, [id]);
}

/** Keeps why a begun script did not finish. `logs` must hold no row value. */
export async function recordLogs(session: Session, schema: string, id: string, logs: string): Promise<void> {
  await session.query(`UPDATE ${ledgerOf(schema)} SET logs = $2 WHERE id = $1`, [id, logs]);
}

/** Prisma reads a row with rolled_back_at as history: the migration is pending again. */
export async function recordRolledBack(session: Session, schema: string, id: string): Promise<void> {
  await session.query(`UPDATE ${ledgerOf(schema)} SET rolled_back_at = pg_catalog.clock_timestamp() WHERE id = $1`, [id]);
}

/** As `prisma migrate resolve --applied` does it: finished without a step, its logs empty and not NULL. */
export async function recordWithoutRunning(session: Session, schema: string, { name, up }: Recorded): Promise<void> {
  await session.query(
    `INSERT INTO ${ledgerOf(schema)} (id, checksum, migration_name, started_at, finished_at, applied_steps_count, logs) VALUES ($1, $2, $3, now(), now(), 0, '')`,
    [randomUUID(), sha256(up), name],
  );
}
