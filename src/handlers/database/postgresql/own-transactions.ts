/** Transaction ids that are an operation's own, so that the rest can be told to be other people's. */
import pg from 'pg';
import type { ConnectionTarget, Session } from '../contract.js';
import { postgresTarget } from './connection-url.js';
import { withSession } from './session.js';
import { purposeName } from './session-names.js';

/** Records the running transaction in itself: it is remembered exactly if it commits. */
export function recordTransaction(operationId: string, what: string): string {
  return `INSERT INTO faber_db.own_transactions (operation_id, xid, what)
    VALUES (${pg.escapeLiteral(operationId)}, pg_catalog.txid_current(), ${pg.escapeLiteral(what)}) ON CONFLICT DO NOTHING`;
}

export async function recordThisTransaction(session: Session, operationId: string, what: string): Promise<void> {
  await session.query(recordTransaction(operationId, what));
}

/**
 * Records transactions that the operation ran elsewhere on the server, such as in a scratch database. Only ids that are known
 * for certain may be given: one too many would hide a write of others.
 * @param xids 64-bit transaction ids (`txid_current()`) as decimal text
 */
export async function recordOwnTransactions(target: ConnectionTarget, operationId: string, xids: readonly string[]): Promise<void> {
  if (xids.length === 0) return;
  await withSession(postgresTarget(target), purposeName('bookkeeping'), (session) =>
    session.query(
      `INSERT INTO faber_db.own_transactions (operation_id, xid, what)
       SELECT $1, xid, 'elsewhere' FROM unnest($2::bigint[]) xid UNION ALL SELECT $1, pg_catalog.txid_current(), 'record'
       ON CONFLICT DO NOTHING`,
      [operationId, xids],
    ),
  );
}
