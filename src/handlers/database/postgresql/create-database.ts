/** Creates the database that a URL names, on the server that it names. */
import pg from 'pg';
import { FaberError } from '../../../contract/failure.js';
import { ScriptError } from '../contract.js';
import type { PostgresTarget } from './connection-url.js';
import { withMaintenance } from './maintenance.js';

/** Also of another attempt at the same moment, which shows as a duplicate in the catalog's own index. */
const THERE_ALREADY = new Set(['42P04', '23505']);

/** See `DatabaseHandler.createDatabase`. */
export async function createDatabase(target: PostgresTarget): Promise<void> {
  await withMaintenance(target, 'create', async (session) => {
    try {
      await session.query(`CREATE DATABASE ${pg.escapeIdentifier(target.database)}`);
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      if (THERE_ALREADY.has(error.failure.sqlState ?? '')) return;
      throw new FaberError({
        code: 'plan_failed',
        message: `The database ${target.database} could not be created (${error.failure.sqlState ?? 'no SQLSTATE'}: ${error.message}); nothing was changed`,
        suggestions: remedies(target),
      }, { cause: error });
    }
  });
}

/** See `DatabaseHandler.creationObstacles`. */
export async function creationObstacles(target: PostgresTarget): Promise<{ problem: string; remedy: string }[]> {
  return withMaintenance(target, 'create', async (session) => {
    const [role] = await session.query<{ may: boolean }>('SELECT rolcreatedb OR rolsuper AS may FROM pg_catalog.pg_roles WHERE rolname = current_user');
    const problem = `the role ${target.user} may not create databases (CREATEDB)`;
    return role?.may === true ? [] : remedies(target).map((remedy) => ({ problem, remedy }));
  });
}

function remedies({ user, database }: PostgresTarget): string[] {
  return [
    `As a superuser: ALTER ROLE ${pg.escapeIdentifier(user)} CREATEDB`,
    `Or create it: CREATE DATABASE ${pg.escapeIdentifier(database)} OWNER ${pg.escapeIdentifier(user)}`,
  ];
}
