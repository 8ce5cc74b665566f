/** Why a restore into a target should be refused, and what it would bring back otherwise: found when a plan is made. */
import type { BackupRecord } from '../../../../contract/backup.js';
import { creationObstacles } from '../../../database/mysql/create-database.js';
import { serverFacts } from '../../../database/mysql/identity.js';
import { grantStatement, keptName, sideName } from '../../../database/mysql/names.js';
import { codeObjects } from '../../../database/mysql/schema-objects.js';
import { purposeName, withSession, type MysqlSession } from '../../../database/mysql/session.js';
import type { MysqlTarget } from '../../../database/mysql/url.js';
import { findPrograms } from './programs.js';
import { foreignDefiners } from './rights.js';

const inServer = <T>(target: MysqlTarget, work: (session: MysqlSession) => Promise<T>) => withSession(target, purposeName('restore'), work, { serverOnly: true });

/** @throws FaberError health_check_failed when the server cannot be reached; a missing database is no obstacle */
export async function restoreObstacles(target: MysqlTarget, record: BackupRecord): Promise<string[]> {
  if (record.provider !== 'mysql') return [`the backup is of ${record.provider}, and the database is mysql`];
  if (record.format !== 'mysql-dump') return [`the backup is a snapshot (${record.format}): only an environment with backup.method snapshot can restore it`];
  const found = await replaceObstacles(target);
  const [dumped, server] = [serverFacts(record.server_version), await serverOf(target)];
  if (dumped.mariadb !== server.mariadb) found.push(`the backup is of ${dumped.mariadb ? 'MariaDB' : 'MySQL'} ${dumped.version}, and the server is ${server.mariadb ? 'MariaDB' : 'MySQL'} ${server.version}`);
  else if (dumped.major > server.major) found.push(`the backup is of version ${dumped.version}, and the server is only ${server.version}`);
  else await findPrograms(server.version).catch((error: unknown) => found.push(error instanceof Error ? error.message : String(error)));
  return found;
}

const serverOf = (target: MysqlTarget) => inServer(target, async (session) => serverFacts((await session.query<{ version: string }>('SELECT VERSION() AS version'))[0]!.version));

/** The same for a database that is put in the place of this one. */
export async function replaceObstacles(target: MysqlTarget): Promise<string[]> {
  const found: string[] = [];
  for (const name of [sideName(target.database, 'x'), keptName(target.database, 'x')]) {
    if ((await creationObstacles(target.withDatabase(name))).length === 0) continue;
    found.push(`the user ${target.user} may not create databases beside ${target.database}: ${grantStatement(target.database, target.user)}`);
    break;
  }
  await inServer(target, async (session) => {
    const foreign = await session.query<{ place: string }>(
      'SELECT DISTINCT CONCAT(constraint_schema, \'.\', table_name) AS place FROM information_schema.referential_constraints WHERE unique_constraint_schema = ? AND constraint_schema <> ?', [target.database, target.database],
    );
    for (const { place } of foreign) found.push(`the table ${place} of another database has a foreign key on a table of ${target.database}, and would follow what is replaced`);
    const away = await session.query<{ place: string }>(
      'SELECT DISTINCT table_name AS place FROM information_schema.referential_constraints WHERE constraint_schema = ? AND unique_constraint_schema <> ?', [target.database, target.database],
    );
    for (const { place } of away) found.push(`the table ${place} has a foreign key on a table of another database, which a dump does not hold`);
    const code = await codeObjects(session, target.database);
    const hidden = code.filter(({ sql }) => sql === null);
    if (hidden.length > 0) found.push(`the definition of ${hidden.slice(0, 5).map(({ kind, name }) => `${kind} ${name}`).join(', ')} is hidden from the user ${target.user}, so it could not be kept`);
    const others = await foreignDefiners(session, [...new Set(code.map(({ definer }) => definer))]);
    if (others.length > 0) found.push(`views, triggers or routines run as ${others.join(', ')}, and the user ${target.user} may not make such ones (SUPER, SET USER or SET_ANY_DEFINER)`);
  });
  return found;
}

/** What is otherwise for a moment, or after it. */
export async function restoreDifferences(target: MysqlTarget): Promise<string[]> {
  const code = await inServer(target, (session) => codeObjects(session, target.database));
  const triggers = code.filter(({ kind }) => kind === 'trigger').length;
  return triggers === 0 ? [] : [`MySQL moves no table that has triggers: around the exchange, for a moment, writes of the application run without the ${triggers} trigger(s). Stop it where that matters`];
}

