/**
 * Transaction ids of our own work in other databases. Whether anybody wrote since a backup is told by the ids that the whole
 * server handed out since: those that proving and restoring take must be known as own. Only what is certain is claimed; one too
 * many would hide a write of others, one too few only keeps a restore from running by itself.
 */
import { FaberError } from '../../../../contract/failure.js';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../contract.js';
import { inSession } from './connections.js';

/**
 * Runs a statement that surely takes one id and cannot tell which (CREATE and DROP DATABASE). When the server handed out more
 * meanwhile, ours is not known.
 */
export async function bracketed(session: Session, work: () => Promise<unknown>): Promise<string[]> {
  const before = await nextCompleted(session);
  await work();
  const after = await nextCompleted(session);
  return after - before === 1n ? [before.toString()] : [];
}

async function nextCompleted(session: Session): Promise<bigint> {
  const [row] = await session.query<{ next: string }>('SELECT txid_snapshot_xmax(txid_current_snapshot())::text AS next');
  return BigInt(row!.next);
}

/** Runs `work` in one transaction. @returns its id. */
export async function inOwnTransaction(session: Session, work: () => Promise<unknown>): Promise<string> {
  await session.query('BEGIN');
  try {
    await work();
    const [row] = await session.query<{ id: string }>('SELECT txid_current()::text AS id');
    await session.query('COMMIT');
    return row!.id;
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/**
 * Ids that wrote into a database that nobody but us knows, told by the objects in it. Complete only after a restore in a single
 * transaction: with many, those that others overwrote leave no trace.
 */
export async function idsFoundIn(session: Session): Promise<string[]> {
  const rows = await session.query<{ id: string }>(`
    SELECT DISTINCT (next - ((next - x) & 4294967295))::text AS id
      FROM (SELECT xmin::text::bigint AS x FROM pg_class WHERE oid >= 16384 UNION ALL SELECT xmin::text::bigint FROM pg_proc WHERE oid >= 16384
            UNION ALL SELECT xmin::text::bigint FROM pg_type WHERE oid >= 16384) made,
           (SELECT txid_snapshot_xmax(txid_current_snapshot()) AS next) now
     WHERE x > 2`);
  return rows.map(({ id }) => id);
}

/** Remembers ids as the operation's own, in the database that it is about. Without bookkeeping there nobody will ask. */
export async function claim(session: Session, operationId: string, ids: readonly string[]): Promise<void> {
  const [table] = await session.query<{ there: boolean }>("SELECT to_regclass('faber_db.own_transactions') IS NOT NULL AS there");
  if (!table?.there || ids.length === 0) return;
  await session.query(
    `INSERT INTO faber_db.own_transactions (operation_id, xid, what)
     SELECT $1, id, 'restore' FROM unnest($2::bigint[]) id UNION ALL SELECT $1, txid_current(), 'record' ON CONFLICT DO NOTHING`,
    [operationId, ids],
  );
}

/** The same in a session of its own; a database that is missing or lets nobody in has nothing to remember. */
export async function claimIn(database: DatabaseHandler, target: ConnectionTarget, operationId: string, ids: readonly string[]): Promise<void> {
  try {
    await inSession(database, target, 'bookkeeping', (session) => claim(session, operationId, ids));
  } catch (error) {
    if (!(error instanceof FaberError && error.code === 'health_check_failed')) throw error;
  }
}
