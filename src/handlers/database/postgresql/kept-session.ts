/**
 * A session that goes from one fenced transaction to the next. Opening one costs 20 ms and more (the password's hash on both
 * sides), a small migration 2 ms: with a session each, 400 migrations took thirteen times as long as psql over the same
 * files. `DISCARD ALL` between two of them makes it as good as new: settings, role, temporary tables, prepared
 * statements, session locks are gone.
 */
import type { Fence } from '../contract.js';
import { setUpSession } from './connect.js';
import type { PostgresTarget } from './connection-url.js';
import { openSession, type PostgresSession } from './session.js';
import { changingName } from './session-names.js';

/** Longer than from one migration to the next, shorter than anybody would notice an idle session. */
const KEPT_MS = 500;

interface Kept { session: PostgresSession; target: PostgresTarget; closing: NodeJS.Timeout }

const kept = new WeakMap<Fence, Kept>();

/** The session that the last transaction under this fence left, as new; else a new one. @throws FaberError health_check_failed. */
export async function changingSession(target: PostgresTarget, fence: Fence): Promise<PostgresSession> {
  const left = kept.get(fence);
  kept.delete(fence);
  if (left) {
    clearTimeout(left.closing);
    if (left.target === target && (await asNew(left.session))) return left.session;
    await left.session.close();
  }
  return openSession(target, changingName(fence));
}

/** False when the server has ended it meanwhile. */
async function asNew(session: PostgresSession): Promise<boolean> {
  try {
    await session.client.query('DISCARD ALL');
    await setUpSession(session.client);
    return true;
  } catch {
    return false;
  }
}

/** Keeps a session that has ended its transaction; any other is closed, so that its locks are gone. */
export async function leaveSession(target: PostgresTarget, fence: Fence, session: PostgresSession, clean: boolean): Promise<void> {
  if (!clean || session.transactionStatus !== 'I') return session.close();
  const closing = setTimeout(() => {
    kept.delete(fence);
    void session.close();
  }, KEPT_MS);
  kept.set(fence, { session, target, closing });
}
