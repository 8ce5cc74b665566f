/** Which database the demo runs on. */
import type { DemoDatabaseName } from '../options.js';
import type { DemoDatabase } from './contract.js';
import { demoMysql } from './mysql.js';
import { demoPostgres } from './postgresql.js';
import { demoSqlite } from './sqlite.js';

type Start = (say: (line: string) => void, cleanUps: (() => Promise<void>)[], project: string) => Promise<DemoDatabase>;

/** What the demo can run on: a line each. */
const DATABASES: Record<DemoDatabaseName, Start> = {
  postgresql: (say, cleanUps) => demoPostgres(say, cleanUps),
  mysql: (say, cleanUps) => demoMysql(say, cleanUps),
  sqlite: (_say, _cleanUps, project) => demoSqlite(project),
};

/**
 * @param wanted null: PostgreSQL, and SQLite where none is to be had, which is said
 * @param project where the project is going to be
 */
export async function chooseDatabase(wanted: DemoDatabaseName | null, say: (line: string) => void, cleanUps: (() => Promise<void>)[], project: string): Promise<DemoDatabase> {
  if (wanted !== null) return DATABASES[wanted](say, cleanUps, project);
  try {
    return await DATABASES.postgresql(say, cleanUps, project);
  } catch (error) {
    say(`No PostgreSQL is to be had here: ${(error as Error).message.split('\n')[0]}`);
    say('The demo runs on SQLite instead; --database postgresql insists');
    return DATABASES.sqlite(say, cleanUps, project);
  }
}
