/**
 * Carries `faber_db` from the replaced database into the restored one. It is left out of dumps on purpose: what an
 * operation has done, whom the fence keeps out and which environment this is must be as of now, not as of the backup.
 */
import pg from 'pg';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../../database/contract.js';
import { inSession } from '../../../database/postgresql/beside/connections.js';

const name = pg.escapeIdentifier;
const BATCH = 500;

/** Idempotent: what an earlier attempt copied is replaced. The fence's token ends higher, so that every holder has to take it again. */
export async function copyBookkeeping(database: DatabaseHandler, replaced: Session, side: ConnectionTarget): Promise<void> {
  const tables = await columnsOf(replaced);
  if (tables.size === 0) return;
  await database.bookkeeping.ensure(side);
  await inSession(database, side, 'swap', async (session) => {
    await session.query('BEGIN');
    const there = await columnsOf(session);
    for (const [table, columns] of tables) {
      const common = columns.filter((column) => there.get(table)?.includes(column));
      if (common.length > 0) await copyTable(replaced, session, table, common.map(name).join(', '));
    }
    await session.query('UPDATE faber_db.fence SET token = token + 1');
    await session.query('COMMIT');
  });
}

/** Nothing could be read from a database that is gone. Its tokens are unknown: the time in seconds is above any count. */
export async function freshBookkeeping(database: DatabaseHandler, side: ConnectionTarget): Promise<void> {
  await database.bookkeeping.ensure(side);
  await inSession(database, side, 'swap', (session) =>
    session.query('UPDATE faber_db.fence SET token = greatest(token, extract(epoch FROM now())::bigint)'));
}

async function columnsOf(session: Session): Promise<Map<string, string[]>> {
  const rows = await session.query<{ table: string; columns: string[] }>(`
    SELECT c.relname::text AS "table", array_agg(a.attname::text ORDER BY a.attnum) AS columns
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = to_regnamespace('faber_db') AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     GROUP BY c.relname ORDER BY c.relname`);
  return new Map(rows.map(({ table, columns }) => [table, columns]));
}

/** Rows travel as JSON text that only the two servers read: no number or time loses precision here. */
async function copyTable(from: Session, to: Session, table: string, columns: string): Promise<void> {
  const qualified = `faber_db.${name(table)}`;
  await to.query(`DELETE FROM ${qualified}`);
  await from.query('BEGIN READ ONLY');
  await from.query(`DECLARE bookkeeping NO SCROLL CURSOR FOR SELECT to_json(t)::text AS row FROM (SELECT ${columns} FROM ${qualified}) t`);
  for (;;) {
    const rows = await from.query<{ row: string }>(`FETCH ${BATCH} FROM bookkeeping`);
    if (rows.length === 0) break;
    await to.query(
      `INSERT INTO ${qualified} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM json_populate_recordset(NULL::${qualified}, $1::json)`,
      [`[${rows.map(({ row }) => row).join(',')}]`],
    );
  }
  await from.query('COMMIT');
}
