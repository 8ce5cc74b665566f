/** Creates the database that a URL names, on the server that it names. */
import { FaberError } from '../../../contract/failure.js';
import { quoted } from './names.js';
import { MysqlError } from './server-failure.js';
import { purposeName, withSession } from './session.js';
import type { MysqlTarget } from './url.js';

/** See `DatabaseHandler.createDatabase`. */
export async function createDatabase(target: MysqlTarget): Promise<void> {
  try {
    await withSession(target, purposeName('create'), (session) => session.query(`CREATE DATABASE IF NOT EXISTS ${quoted(target.database)}`), { serverOnly: true });
  } catch (error) {
    if (!(error instanceof MysqlError)) throw error;
    throw new FaberError({
      code: 'plan_failed',
      message: `The database ${target.database} could not be created (${error.message}); nothing was changed`,
      suggestions: remedies(target),
    }, { cause: error });
  }
}

/** See `DatabaseHandler.creationObstacles`. MySQL has no way to ask for a right but to read the grants. */
export async function creationObstacles(target: MysqlTarget): Promise<{ problem: string; remedy: string }[]> {
  const rows = await withSession(target, purposeName('create'), (session) => session.query('SHOW GRANTS'), { serverOnly: true });
  const grants = rows.map((row) => String(Object.values(row)[0]));
  if (grants.some((grant) => mayCreate(grant, target.database))) return [];
  return remedies(target).map((remedy) => ({ problem: `the user ${target.user} may not create the database ${target.database}`, remedy }));
}

function mayCreate(grant: string, database: string): boolean {
  const match = /^GRANT (.*) ON (\*|`(?:[^`]|``)*`)\.\* TO /.exec(grant);
  // A role's rights are not told here: better to try than to refuse what may work.
  if (!match) return /^GRANT `?[^ ]+`?(@`?[^ ]+`?)? TO /.test(grant);
  if (!/\bALL PRIVILEGES\b|\bCREATE(,| ON|$)/.test(`${match[1]!},`)) return false;
  if (match[2] === '*') return true;
  const pattern = match[2]!.slice(1, -1).replaceAll('``', '`');
  const source = pattern.replace(/\\?[\s\S]/g, (one) => (one === '%' ? '.*' : one === '_' ? '.' : one.replace(/^\\/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${source}$`, 's').test(database);
}

function remedies({ user, database }: MysqlTarget): string[] {
  const account = `'${user.replaceAll("'", "''")}'@'%'`;
  return [
    `As an administrator (with the host of the user): CREATE DATABASE ${quoted(database)}; GRANT ALL ON ${quoted(database.replaceAll('_', '\\_'))}.* TO ${account}`,
  ];
}
