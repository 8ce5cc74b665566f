/** Reads another database of a stack's server, such as one that an operation kept. */
import pg from 'pg';
import type { Stack } from './stack.js';

export async function rowsIn<Row>(stack: Stack, database: string, sql: string): Promise<Row[]> {
  const url = new URL(stack.database.url);
  url.pathname = `/${encodeURIComponent(database)}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}
