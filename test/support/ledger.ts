/** Prisma's ledger, as Prisma writes it. */
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Stack } from './stack.js';

/** The empty table. Nothing when it is there. */
export async function createLedger({ database }: Stack): Promise<void> {
  await database.query(`CREATE TABLE IF NOT EXISTS _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz,
    migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`);
}

/** A row for a migration of the project: finished, or left failed with these logs. */
export async function addLedgerRow(stack: Stack, name: string, failedWith: string | null = null): Promise<void> {
  const script = await readFile(`${stack.directory}/prisma/migrations/${name}/migration.sql`);
  await stack.database.query(
    `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, logs, applied_steps_count) VALUES ($1, $2, CASE WHEN $4::text IS NULL THEN now() END, $3, $4, $5)`,
    [randomUUID(), createHash('sha256').update(script).digest('hex'), name, failedWith, failedWith === null ? 1 : 0],
  );
}
