/**
 * Proof that nobody else wrote since a snapshot. Every writing transaction takes an id from one counter of the whole server:
 * if each id handed out since is rolled back or our own, nobody else wrote. What this cannot tell apart, such as a write in
 * another database, an ANALYZE of autovacuum or a subtransaction, counts as a write of others: that errs on the safe side.
 */
import type { Session } from '../contract.js';
import { haveTables } from './bookkeeping-tables.js';

export interface Proof {
  proven: boolean;
  reason: string;
}

/** Beyond that many ids, asking for each would take long, and a server that busy is not quiet. */
const MOST_IDS = 200_000;

/**
 * @param snapshot `xmin:xmax:xip` of `pg_current_snapshot()`, as the backup's manifest keeps it
 * @param session a session in the database; none other is opened
 */
export async function proveQuiet(session: Session, snapshot: string, operationId: string): Promise<Proof> {
  const parsed = /^(\d+):(\d+):([\d,]*)$/.exec(snapshot);
  if (!parsed) return { proven: false, reason: 'the backup does not say where its snapshot stood' };
  if (!(await haveTables(session))) return { proven: false, reason: 'the database has no record of own transactions' };
  const since = parsed[2]!;
  const open = parsed[3] === '' ? [] : parsed[3]!.split(',');
  const until = await nextTransactionId(session);
  const handedOut = BigInt(until) - BigInt(since);
  if (handedOut < 0n) return { proven: false, reason: 'the snapshot is not of this server' };
  if (handedOut > BigInt(MOST_IDS)) return { proven: false, reason: `${handedOut} transactions have written on this server since the snapshot` };
  const [row] = await session.query<{ running: number; foreign_open: number; foreign: number }>(IDS, [open, since, until, operationId]);
  const { running, foreign_open: foreignOpen, foreign } = row!;
  if (running > 0) return { proven: false, reason: `${running} transactions that may write are open on this server` };
  if (foreignOpen > 0) return { proven: false, reason: `${foreignOpen} transactions were open when the snapshot was taken and committed later` };
  if (foreign > 0) {
    return { proven: false, reason: `${foreign} transactions that are not known as own have committed on this server since the snapshot; in this database or another cannot be told` };
  }
  return { proven: true, reason: `all ${handedOut} transaction ids since the snapshot are own or rolled back` };
}

/** Takes an id and gives it up: all ids before it were handed out before, those of open transactions too. */
async function nextTransactionId(session: Session): Promise<string> {
  await session.query('BEGIN READ WRITE');
  try {
    const [row] = await session.query<{ xid: string }>('SELECT pg_catalog.txid_current()::text AS xid');
    return row!.xid;
  } finally {
    await session.query('ROLLBACK');
  }
}

// A transaction that was rolled back wrote nothing, whosever it was. No status (too old to know) counts as committed.
const IDS = `
  WITH ids AS (
    SELECT xid, true AS was_open FROM unnest($1::bigint[]) xid UNION ALL SELECT xid, false FROM generate_series($2::bigint, $3::bigint - 1) xid
  ), foreign_ids AS (
    SELECT xid, was_open, pg_catalog.txid_status(xid) AS status FROM ids
    WHERE xid NOT IN (SELECT xid FROM faber_db.own_transactions WHERE operation_id = $4)
      AND xid NOT IN (SELECT xid FROM faber_db.steps WHERE operation_id = $4 AND xid IS NOT NULL)
  )
  SELECT count(*) FILTER (WHERE status = 'in progress')::int AS running,
    count(*) FILTER (WHERE was_open AND status IS DISTINCT FROM 'aborted' AND status IS DISTINCT FROM 'in progress')::int AS foreign_open,
    count(*) FILTER (WHERE NOT was_open AND status IS DISTINCT FROM 'aborted' AND status IS DISTINCT FROM 'in progress')::int AS foreign
  FROM foreign_ids`;
