/** The way to restore without faber-db, printed into every manifest. */
import { shellWord } from '../../../../contract/shell-word.js';
import type { DatabaseProperties } from '../../../database/postgresql/beside/properties.js';
import { databaseArgument } from '../../../database/postgresql/beside/connections.js';

/**
 * Shell commands that run as printed when PGHOST, PGPORT, PGUSER and PGPASSWORD are set. They restore beside the database, as
 * we do, and hold no secret.
 * @param dump a shell command that writes the dump to stdout
 */
export function restoreCommands(database: string, dump: string, like: DatabaseProperties): string[] {
  const restored = `${[...database].slice(0, 40).join('')}_restored`;
  const locale = [`--encoding=${like.encoding}`, `--lc-collate=${shellWord(like.collate)}`, `--lc-ctype=${shellWord(like.ctype)}`];
  return [
    `createdb --maintenance-db=postgres --template=template0 ${locale.join(' ')} -- ${shellWord(restored)}`,
    `${dump} | pg_restore --exit-on-error --no-subscriptions ${shellWord(databaseArgument(restored))}`,
    `psql -X -q ${shellWord(databaseArgument(restored))} -c "SET client_min_messages = error" -c ANALYZE`,
  ];
}
