/** A digest of everything in the catalog that `pg_dump --schema-only` would write. */
import { createHash } from 'node:crypto';
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type SchemaFact, type Session } from '../contract.js';
import type { PostgresTarget } from './connection-url.js';
import { schemaQueries } from './fingerprint-queries.js';
import { withSession } from './session.js';
import { readingName } from './session-names.js';

/** Definitions are read under a lock of their tables, which an application may hold for ever. */
const LOCK_TIMEOUT_SECONDS = 30;

/**
 * sha256 (hex) over `schemaLines`: equal for equal schemas, whatever object ids or the order of their making.
 * @throws FaberError lock_timeout
 */
export async function schemaFingerprint(target: PostgresTarget, own?: readonly string[]): Promise<string> {
  const lines = await unlessLocked(target, (session) => schemaLines(session, own));
  return createHash('sha256').update(lines.join('\0')).digest('hex');
}

/** What the fingerprint is a digest of. @throws FaberError lock_timeout */
export function schemaFacts(target: PostgresTarget, own?: readonly string[]): Promise<SchemaFact[]> {
  return unlessLocked(target, (session) => inSnapshot(session, () => readFacts(session, own)));
}

async function unlessLocked<T>(target: PostgresTarget, read: (session: Session) => Promise<T>): Promise<T> {
  return withSession(target, readingName('fingerprint'), async (session) => {
    await session.query(`SET lock_timeout = '${LOCK_TIMEOUT_SECONDS}s'`);
    return read(session);
  }).catch((error: unknown) => {
    throw error instanceof ScriptError && error.failure.sqlState === '55P03' ? tableLocked(error) : error;
  });
}

/** The facts of the schema in one snapshot; see `readSchema`. */
export async function schemaLines(session: Session, own?: readonly string[]): Promise<string[]> {
  return inSnapshot(session, () => readSchema(session, own));
}

async function inSnapshot<T>(session: Session, read: () => Promise<T>): Promise<T> {
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    return await read();
  } finally {
    await session.query('ROLLBACK');
  }
}

// With nothing but pg_catalog in the path, every name in a definition is written with its schema.
const SETTINGS = ['search_path = pg_catalog', 'extra_float_digits = 1', 'IntervalStyle = postgres', 'DateStyle = ISO'];

/**
 * One line for each fact, sorted: `table public.customer …`, `column public.customer.id 1 integer …`. In the session's transaction,
 * whose settings it changes. Left out: the schema `faber_db` and the tool's own relations, whose coming is no change of the user's schema.
 * @param own their names; unless given, Prisma's
 */
export async function readSchema(session: Session, own?: readonly string[]): Promise<string[]> {
  const facts = await readFacts(session, own);
  return facts.map(({ kind, name, definition }) => `${kind} ${name} ${definition}`).sort();
}

const PRISMA = ['_prisma_migrations'];

async function readFacts(session: Session, own: readonly string[] = PRISMA): Promise<SchemaFact[]> {
  for (const setting of SETTINGS) await session.query(`SET LOCAL ${setting}`);
  const facts: SchemaFact[] = [];
  for (const [kind, sql] of schemaQueries(own)) {
    const rows = await session.query<{ name: string; definition: unknown }>(sql);
    facts.push(...rows.map(({ name, definition }) => ({ kind, name, definition: typeof definition === 'string' ? definition : JSON.stringify(definition) })));
  }
  return facts;
}

function tableLocked(cause: unknown): FaberError {
  return new FaberError({
    code: 'lock_timeout',
    message: `The schema could not be read within ${LOCK_TIMEOUT_SECONDS} seconds: another session holds an exclusive lock on a table. Reading changed nothing.`,
    suggestions: ['End the long transaction that holds the lock (pg_locks, pg_stat_activity), and start again.'],
  }, { cause });
}
