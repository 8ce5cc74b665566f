/** The deadline of what a backend runs. */
import { underDeadline as underDeadlineOf, type Limits } from '../deadline.js';
import { withSession, type PostgresSession } from './session.js';
import { readingName } from './session-names.js';

/** As the shared `underDeadline`, by pg_cancel_backend and then pg_terminate_backend. */
export function underDeadline<T>(session: PostgresSession, limits: Limits, run: (proceed: () => void) => Promise<T>): Promise<T> {
  const ask = (end: boolean) =>
    withSession(session.target, readingName('cancel'), (other) => other.query(`SELECT pg_catalog.${end ? 'pg_terminate_backend' : 'pg_cancel_backend'}($1)`, [session.id]));
  return underDeadlineOf({ ask, abandon: () => session.abandon(), word: 'cancelled' }, limits, run);
}
