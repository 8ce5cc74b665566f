/** The deadline of what a session runs. */
import { underDeadline as underDeadlineOf, type Limits } from '../deadline.js';
import { readingName, withSession, type MysqlSession } from './session.js';

/** As the shared `underDeadline`, by KILL QUERY and then KILL CONNECTION. */
export function underDeadline<T>(session: MysqlSession, limits: Limits, run: (proceed: () => void) => Promise<T>): Promise<T> {
  const ask = (end: boolean) => withSession(session.target, readingName('cancel'), (other) => other.query(`KILL ${end ? 'CONNECTION' : 'QUERY'} ${session.id}`), { serverOnly: true });
  return underDeadlineOf({ ask, abandon: () => session.abandon(), word: 'interrupted' }, limits, run);
}
