/** A snapshot that was taken while writes were held off restores to a database that holds them off for ever. */
import pg from 'pg';
import type { Session } from '../../../database/contract.js';

const SETTING = 'default_transaction_read_only';

/** As the database had it before; nothing was held: nothing happens. */
export async function letWritesOn(session: Session): Promise<void> {
  const [table] = await session.query<{ there: boolean }>("SELECT to_regclass('faber_db.write_hold') IS NOT NULL AS there");
  if (!table?.there) return;
  const [held] = await session.query<{ previous: string | null; name: string }>('SELECT previous, current_database()::text AS name FROM faber_db.write_hold');
  if (held === undefined) return;
  const change = held.previous === null ? `RESET ${SETTING}` : `SET ${SETTING} = ${pg.escapeLiteral(held.previous)}`;
  await session.query(`ALTER DATABASE ${pg.escapeIdentifier(held.name)} ${change}`);
  await session.query('DELETE FROM faber_db.write_hold');
}
