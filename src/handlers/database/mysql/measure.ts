/** Counts for people to decide by, and the exact ones that backups are compared by. */
import { ScriptError, type Measured, type Place, type Session } from '../contract.js';
import { quoted } from './names.js';
import { tablesIn } from './schema-objects.js';
import { readingName, withSession, type MysqlSession } from './session.js';
import type { MysqlTarget } from './url.js';

/** Seconds for all, and for one of them. */
const ALL = 10;
const ONE = 3;

/** Exact rows per table, in one snapshot. */
export async function tableCounts(target: MysqlTarget): Promise<{ schema: string; table: string; rows: number }[]> {
  return withSession(target, readingName('counts'), async (session) => {
    await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    return countsIn(session, target.database);
  });
}

/** In the session's transaction. In MySQL a schema is a database. */
export async function countsIn(session: Session, database: string): Promise<{ schema: string; table: string; rows: number }[]> {
  const counts = [];
  for (const { name, kind } of await tablesIn(session, database)) {
    if (kind !== 'table') continue;
    const [row] = await session.query<{ rows: string }>(`SELECT COUNT(*) AS \`rows\` FROM ${quoted(database)}.${quoted(name)}`);
    counts.push({ schema: database, table: name, rows: Number(row!.rows) });
  }
  return counts;
}

/** Rows per table, in bounded time. */
export async function measureTables(target: MysqlTarget): Promise<{ schema: string; table: string; measured: Measured | null }[]> {
  const tables = await withSession(target, readingName('counts'), (session) => tablesIn(session, target.database));
  const names = tables.filter(({ kind }) => kind === 'table').map(({ name }) => name);
  const measured = await measure(target, names.map((name) => ({ table: quoted(name), column: null })));
  return names.map((table, at) => ({ schema: target.database, table, measured: measured[at] ?? null }));
}

/** See `DatabaseHandler.measure`. */
export async function measure(target: MysqlTarget, places: readonly Place[]): Promise<(Measured | null)[]> {
  if (places.length === 0) return [];
  return withSession(target, readingName('counts'), async (session) => {
    const until = performance.now() + ALL * 1000;
    const all: (Measured | null)[] = [];
    for (const place of places) all.push(performance.now() < until ? await count(session, place) : await estimate(session, place));
    return all;
  });
}

async function count(session: MysqlSession, place: Place): Promise<Measured | null> {
  const what = place.column === null ? '*' : quoted(place.column);
  const sql = `SELECT COUNT(${what}) AS n FROM ${place.table}`;
  try {
    const [row] = await session.query<{ n: string }>(await limited(session, sql));
    return { rows: Number(row!.n), exact: true };
  } catch (error) {
    if (!(error instanceof ScriptError) || error.failure.connectionLost) throw error;
    return estimate(session, place);
  }
}

/** MariaDB takes the limit as a prefix of the statement, MySQL as a hint inside. */
async function limited(session: MysqlSession, sql: string): Promise<string> {
  const [row] = await session.query<{ version: string }>('SELECT VERSION() AS version');
  return /mariadb/i.test(row!.version) ? `SET STATEMENT max_statement_time = ${ONE} FOR ${sql}` : sql.replace('SELECT', `SELECT /*+ MAX_EXECUTION_TIME(${ONE * 1000}) */`);
}

/** Rows of the table by the server's statistics; of a column's NULLs they tell nothing. */
async function estimate(session: MysqlSession, { table }: Place): Promise<Measured | null> {
  const name = /^`((?:[^`]|``)+)`$/.exec(table)?.[1]?.replaceAll('``', '`');
  const rows = name === undefined ? [] : await session.query<{ n: string | null }>('SELECT table_rows AS n FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?', [name]);
  return rows[0]?.n == null ? null : { rows: Number(rows[0].n), exact: false };
}
