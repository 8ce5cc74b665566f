/** The session's mode decides how SQL is read: statements are told apart and masked for the default one alone. */
import { FaberError } from '../../../../contract/failure.js';
import type { Session } from '../../../database/contract.js';

/** @throws FaberError unsupported */
export async function requireDefaultMode(session: Session): Promise<void> {
  const [row] = await session.query<{ mode: string }>('SELECT @@SESSION.sql_mode AS mode');
  const strange = (row?.mode ?? '').split(',').filter((mode) => /^(ANSI|ANSI_QUOTES|NO_BACKSLASH_ESCAPES|ORACLE|MSSQL|DB2|MAXDB|POSTGRESQL)$/.test(mode));
  if (strange.length === 0) return;
  throw new FaberError({
    code: 'unsupported',
    message: `The server's sql_mode has ${strange.join(', ')}, in which SQL is read otherwise: what a migration does could not be told. Nothing was run.`,
    suggestions: ['Take it out of the server\'s sql_mode, or out of init_connect for this user.'],
  });
}
