/** Looks, from a second session, whom a session waits for. */
import { openSession, type PostgresSession } from './session.js';
import { readingName } from './session-names.js';

/** Most statements are over by then, and cost no second connection. */
const FIRST_LOOK_MS = 400;
const LOOK_EVERY_MS = 1000;

interface Blocker {
  pid: number;
  user: string | null;
  application: string | null;
  state: string | null;
  seconds: number | null;
}

export interface LockWatch {
  /** Who stood in the way when last looked, in words; null when nobody did. */
  readonly blockedBy: string | null;
  stop(): Promise<void>;
}

/** Calls `onWait` each time the session is seen waiting for a lock. A look that fails is no failure of the work. */
export function watchLocks(session: PostgresSession, onWait: (what: string) => void): LockWatch {
  let blockedBy: string | null = null;
  let other: PostgresSession | undefined;
  let looking: Promise<void> = Promise.resolve();
  let timer = setTimeout(next, FIRST_LOOK_MS);
  let stopped = false;
  function next(): void {
    looking = look().catch(() => {});
    timer = setTimeout(() => void looking.then(() => !stopped && next()), LOOK_EVERY_MS);
  }
  async function look(): Promise<void> {
    other ??= await openSession(session.target, readingName('lock watch'));
    const blockers = await other.query<Blocker>(BLOCKERS, [session.id]);
    if (blockers.length === 0 || stopped) return;
    blockedBy = blockers.map(inWords).join(', ');
    onWait(`Waiting for a lock held by ${blockedBy}`);
  }
  return {
    get blockedBy() {
      return blockedBy;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await looking;
      await other?.close();
    },
  };
}

const BLOCKERS = `
  SELECT a.pid, a.usename::text AS "user", nullif(a.application_name, '') AS application, a.state,
    extract(epoch FROM clock_timestamp() - a.xact_start)::int AS seconds
  FROM unnest(pg_catalog.pg_blocking_pids($1)) pid JOIN pg_catalog.pg_stat_activity a USING (pid) ORDER BY a.xact_start LIMIT 5`;

function inWords({ pid, user, application, state, seconds }: Blocker): string {
  const facts = [user && `role ${user}`, application && `application ${application}`, state, seconds !== null && `in its transaction for ${seconds} s`];
  return `session ${pid} (${facts.filter(Boolean).join(', ')})`;
}
