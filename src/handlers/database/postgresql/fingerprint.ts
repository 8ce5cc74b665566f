/** A digest of everything in the catalog that `pg_dump --schema-only` would write. */
import { createHash } from 'node:crypto';
import type { PostgresTarget } from './connection-url.js';
import { SCHEMA_QUERIES } from './fingerprint-queries.js';
import { withSession, type PostgresSession } from './session.js';
import { readingName } from './session-names.js';

/** sha256 (hex) over `schemaLines`: equal for equal schemas, whatever object ids or the order of their making. */
export async function schemaFingerprint(target: PostgresTarget): Promise<string> {
  const lines = await withSession(target, readingName('fingerprint'), schemaLines);
  return createHash('sha256').update(lines.join('\0')).digest('hex');
}

/**
 * One line for each fact of the schema, sorted: `table public.customer …`, `column public.customer 1 id integer …`. Left out: the schema
 * `faber_db` and the table `_prisma_migrations`, whose coming is no change of the user's schema.
 */
export async function schemaLines(session: PostgresSession): Promise<string[]> {
  // With nothing but pg_catalog in the path, every name in a definition is written with its schema.
  await session.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog; SET LOCAL extra_float_digits = 1; SET LOCAL IntervalStyle = postgres; SET LOCAL DateStyle = ISO");
  const lines: string[] = [];
  for (const [kind, sql] of Object.entries(SCHEMA_QUERIES)) {
    const rows = await session.query<{ name: string; definition: string | null }>(sql);
    lines.push(...rows.map(({ name, definition }) => `${kind} ${name} ${definition ?? ''}`));
  }
  await session.query('COMMIT');
  return lines.sort();
}
