/** Which of some databases exist, and whether they take connections. Tells how far a swap came. */
import type { Session } from '../../contract.js';

export async function databaseStates(session: Session, names: readonly string[]): Promise<Map<string, { open: boolean }>> {
  const rows = await session.query<{ name: string; open: boolean }>(
    'SELECT datname::text AS name, datallowconn AS open FROM pg_database WHERE datname = ANY($1::text[])',
    [names],
  );
  return new Map(rows.map(({ name, open }) => [name, { open }]));
}
