/** Counts rows for people to decide by: exact where that is quick, else what the server's statistics say. */
import pg from 'pg';
import { ScriptError, type Measured, type Place } from '../contract.js';
import type { PostgresTarget } from './connection-url.js';
import { withSession, type PostgresSession } from './session.js';
import { readingName } from './session-names.js';
import { TABLES } from './table-counts.js';

/** A plan must not keep anybody waiting for the count of a table of a billion rows. */
const ONE_MS = 5_000;
const ALL_MS = 30_000;

/** See `DatabaseHandler.measure`. */
export async function measure(target: PostgresTarget, places: readonly Place[]): Promise<(Measured | null)[]> {
  if (places.length === 0) return [];
  return inSnapshot(target, (session) => measureEach(session, places.map(({ table, column }) => ({ from: table, table, column }))));
}

/** See `DatabaseHandler.measureTables`. Rows of inheriting tables and partitions count where they are. */
export async function measureTables(target: PostgresTarget): Promise<{ schema: string; table: string; measured: Measured | null }[]> {
  return inSnapshot(target, async (session) => {
    const tables = await session.query<{ schema: string; table: string }>(TABLES);
    const names = tables.map(({ schema, table }) => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`);
    const measured = await measureEach(session, names.map((table) => ({ from: `ONLY ${table}`, table, column: null })));
    return tables.map(({ schema, table }, at) => ({ schema, table, measured: measured[at] ?? null }));
  });
}

async function inSnapshot<T>(target: PostgresTarget, work: (session: PostgresSession) => Promise<T>): Promise<T> {
  return withSession(target, readingName('measure'), async (session) => {
    await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    // A row that a policy hides is lost all the same: better no number than too small a one.
    await session.query('SET LOCAL row_security = off');
    return work(session);
  });
}

type Counted = Place & { from: string };

async function measureEach(session: PostgresSession, places: readonly Counted[]): Promise<(Measured | null)[]> {
  const end = performance.now() + ALL_MS;
  const measured: (Measured | null)[] = [];
  for (const place of places) {
    const left = Math.min(ONE_MS, end - performance.now());
    measured.push((left > 0 ? await count(session, place, left) : null) ?? (await estimate(session, place)));
  }
  return measured;
}

async function count(session: PostgresSession, { from, column }: Counted, limitMs: number): Promise<Measured | null> {
  const what = column === null ? '*' : pg.escapeIdentifier(column);
  return orNull(session, async () => {
    await session.query(`SET LOCAL statement_timeout = ${Math.max(1, Math.round(limitMs))}`);
    const [row] = await session.query<{ n: string }>(`SELECT count(${what}) AS n FROM ${from}`);
    return { rows: Number(row!.n), exact: true };
  });
}

/** Rows of the table as the last ANALYZE saw them, less the NULLs of the column. */
async function estimate(session: PostgresSession, { table, column }: Place): Promise<Measured | null> {
  return orNull(session, async () => {
    const [row] = await session.query<{ n: string | null }>(
      `SELECT round(c.reltuples * (1 - coalesce(s.null_frac, 0)))::bigint::text AS n
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = $2
        WHERE c.oid = pg_catalog.to_regclass($1) AND c.reltuples >= 0
          AND ($2::text IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = $2 AND NOT a.attisdropped))`,
      [table, column],
    );
    return row?.n == null ? null : { rows: Number(row.n), exact: false };
  });
}

/** Not there, not allowed, too slow: no number, and the others are still counted. */
async function orNull(session: PostgresSession, work: () => Promise<Measured | null>): Promise<Measured | null> {
  await session.query('SAVEPOINT place');
  try {
    const measured = await work();
    await session.query('RELEASE SAVEPOINT place');
    return measured;
  } catch (error) {
    if (!(error instanceof ScriptError) || error.failure.connectionLost) throw error;
    await session.query('ROLLBACK TO SAVEPOINT place');
    return null;
  }
}
