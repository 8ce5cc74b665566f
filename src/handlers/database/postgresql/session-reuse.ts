/**
 * Lends one session to the transactions of one fence, one after the other. Hundreds of migrations would each pay for a login and a
 * server process; what cleans it in between leaves nothing of one script (role, settings, temporary tables, advisory locks) for the next.
 */
import type { Fence } from '../contract.js';
import type { PostgresTarget } from './connection-url.js';
import { openSession, type PostgresSession } from './session.js';
import { changingName } from './session-names.js';

/** Longer than the pause between two migrations, too short to be in the way of anything. */
const KEEP_MS = 1_000;

/**
 * What DISCARD ALL does, which stands in no message with other statements (https://www.postgresql.org/docs/current/sql-discard.html),
 * without what was reset in the transaction already: role and settings. Cached plans change nothing for who comes next.
 */
export const CLEANING: readonly string[] = ['CLOSE ALL', 'DEALLOCATE ALL', 'UNLISTEN *', 'SELECT pg_catalog.pg_advisory_unlock_all()', 'DISCARD TEMPORARY', 'DISCARD SEQUENCES'];

interface Kept {
  session: PostgresSession;
  timer: NodeJS.Timeout;
}

const kept = new WeakMap<Fence, Kept>();

/**
 * A session as good as new. A `used` one may have been ended by the server meanwhile, which its first message tells.
 * @throws FaberError health_check_failed.
 */
export async function borrowSession(target: PostgresTarget, fence: Fence): Promise<{ session: PostgresSession; used: boolean }> {
  const idle = kept.get(fence);
  kept.delete(fence);
  if (idle) {
    clearTimeout(idle.timer);
    if (idle.session.target === target) return { session: idle.session, used: true };
    await idle.session.close();
  }
  return { session: await openSession(target, changingName(fence)), used: false };
}

/** Only a session whose transaction has ended well, and that was cleaned: any other is closed by who had it. */
export function giveBackSession(session: PostgresSession, fence: Fence): void {
  const timer = setTimeout(() => {
    kept.delete(fence);
    void session.close();
  }, KEEP_MS);
  kept.set(fence, { session, timer });
}
