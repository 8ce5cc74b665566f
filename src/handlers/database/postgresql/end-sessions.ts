/** Ends sessions of the current database and waits until they are gone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../../../contract/failure.js';
import { ScriptError } from '../contract.js';
import type { PostgresSession } from './session.js';

export interface EndOptions {
  signal: AbortSignal;
  /** Give up after so long (seconds). */
  timeoutSeconds: number;
  /** Leave running builds of indexes run: ended, they leave an INVALID index. They are waited for instead. */
  awaitConcurrently: boolean;
  onWait?: (what: string) => void;
}

interface Found {
  pid: number;
  role: string;
  application: string;
  concurrently: boolean;
}

const POLL_MS = 100;
/** A session that is told to end and does not within this time is in the middle of something; then it is told. */
const SAY_AFTER_MS = 1000;
/** When only such are left that this role may not end, waiting longer mostly prolongs what the others wait for. */
const REFUSED_PATIENCE_MS = 2000;

/**
 * @param which SQL condition on columns of pg_stat_activity
 * @throws FaberError lock_timeout, naming the sessions that were left: not permitted to end them, or they would not end.
 */
export async function endSessions(session: PostgresSession, which: string, options: EndOptions): Promise<void> {
  const begun = performance.now();
  const refused = new Set<number>();
  for (;;) {
    options.signal.throwIfAborted();
    const found = await session.query<Found>(`${SESSIONS} AND (${which})`);
    if (found.length === 0) return;
    for (const { pid, concurrently } of found) {
      if (options.awaitConcurrently && concurrently) continue;
      if (!(await terminate(session, pid))) refused.add(pid);
    }
    const waited = performance.now() - begun;
    const hopeless = found.every(({ pid }) => refused.has(pid)) && waited > REFUSED_PATIENCE_MS;
    if (hopeless || waited > options.timeoutSeconds * 1000) throw leftOver(found, refused);
    if (waited > SAY_AFTER_MS) options.onWait?.(`Waiting for the end of ${found.map(inWords).join(', ')}`);
    await sleep(Math.min(POLL_MS * 2 ** Math.floor(waited / 1000), 2000), undefined, { signal: options.signal }).catch(() => {});
  }
}

// Server processes such as autovacuum have no role; they give way by themselves.
const SESSIONS = `
  SELECT pid, usename::text AS role, application_name AS application,
    (state = 'active' AND query ~* '\\m(create|drop|reindex|refresh|detach)\\M.*\\mconcurrently\\M') IS TRUE AS concurrently
  FROM pg_catalog.pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_catalog.pg_backend_pid() AND usesysid IS NOT NULL`;

/** @returns false when this role may not end that session. */
async function terminate(session: PostgresSession, pid: number): Promise<boolean> {
  try {
    await session.query('SELECT pg_catalog.pg_terminate_backend($1)', [pid]);
    return true;
  } catch (error) {
    if (error instanceof ScriptError && error.failure.sqlState === '42501') return false;
    throw error;
  }
}

function leftOver(found: Found[], refused: Set<number>): FaberError {
  const denied = found.some(({ pid }) => refused.has(pid));
  return new FaberError({
    code: 'lock_timeout',
    message: `${found.map(inWords).join(', ')} ${found.length > 1 ? 'are' : 'is'} still there${denied ? ', and the role of the URL may not end sessions of that role' : ''}. Nothing was changed.`,
    result: { sessions: found.map(({ pid, role, application }) => ({ id: pid, role, application })) },
    suggestions: denied
      ? ['End them as their own role or as a superuser, or GRANT pg_signal_backend to the role of the URL.']
      : ['Wait for them to end, or end them with pg_terminate_backend, and start again.'],
  });
}

function inWords({ pid, role, application, concurrently }: Found): string {
  return `session ${pid} (role ${role}${application ? `, application ${application}` : ''}${concurrently ? ', works CONCURRENTLY' : ''})`;
}
