/**
 * Makes the contents of a database those of another file, inside of a transaction: whoever reads sees the old ones or the new ones, and
 * whoever writes waits. The backup API would want the file for itself alone, without the transaction in which it is certain that nobody
 * has written since; and renaming a file over one that is open leaves its log to the new one.
 */
import { is, quoted, tokensOf } from '../../../migration/script/sqlite/tokens.js';
import type { Connection } from '../connection.js';
import { plainError } from '../failure.js';

/** Name of the attached file. */
export const SIDE = 'faber_db_side';

interface SchemaObject { type: 'table' | 'index' | 'view' | 'trigger'; name: string; sql: string }

const objectsOf = (connection: Connection, schema: string) =>
  connection.query<SchemaObject>(`SELECT type, name, sql FROM ${schema}.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid`);

interface TableKind { name: string; type: string; wr: number }

const tablesOf = (connection: Connection, schema: string) =>
  connection.query<TableKind>(`SELECT name, type, wr FROM pragma_table_list WHERE schema = '${schema}' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND type IN ('table', 'virtual', 'shadow')`);

/** @param connection in a transaction, with the other file attached as `SIDE`, and foreign keys not enforced. @throws ScriptError */
export async function replaceContents(connection: Connection): Promise<void> {
  await dropAll(connection);
  const objects = await objectsOf(connection, SIDE);
  const kinds = new Map((await tablesOf(connection, SIDE)).map((table) => [table.name, table]));
  const made = objects.filter(({ type, name }) => type === 'table' && kinds.get(name)?.type !== 'shadow');
  // Virtual tables make their shadow tables themselves.
  for (const { sql } of made) await connection.run([place(sql)]);
  for (const table of kinds.values()) if (table.type !== 'virtual') await copyRows(connection, table);
  await copySequences(connection);
  for (const type of ['index', 'view', 'trigger']) for (const object of objects) if (object.type === type) await connection.run([place(object.sql)]);
  for (const setting of ['user_version', 'application_id']) {
    const [row] = await connection.query<Record<string, number>>(`PRAGMA ${SIDE}.${setting}`);
    await connection.query(`PRAGMA main.${setting} = ${Number(row![setting])}`);
  }
  await requireSame(connection);
}

const place = (sql: string) => ({ line: 1, statementIndex: 0, text: sql });

async function dropAll(connection: Connection): Promise<void> {
  for (const type of ['trigger', 'view']) for (const object of await objectsOf(connection, 'main')) if (object.type === type) await connection.query(`DROP ${type} main.${quoted(object.name)}`);
  const tables = await tablesOf(connection, 'main');
  for (const kind of ['virtual', 'table']) for (const { name, type } of tables) if (type === kind) await connection.query(`DROP TABLE main.${quoted(name)}`);
}

async function copyRows(connection: Connection, { name, wr, type }: TableKind): Promise<void> {
  const columns = await connection.query<{ name: string; type: string; pk: number; hidden: number }>(`SELECT name, type, pk, hidden FROM pragma_table_xinfo(?) WHERE schema = '${SIDE}'`, [name]);
  const stored = columns.filter(({ hidden }) => hidden === 0).map((column) => quoted(column.name));
  const isKey = columns.filter(({ pk }) => pk > 0).length === 1 && columns.some((column) => column.pk > 0 && column.type.toUpperCase() === 'INTEGER');
  // A number that no column shows may still be what a full-text index refers to.
  const rowid = wr || isKey ? undefined : ['rowid', '_rowid_', 'oid'].find((word) => !columns.some((column) => column.name.toLowerCase() === word));
  const list = [...(rowid === undefined ? [] : [rowid]), ...stored].join(', ');
  if (type === 'shadow') await connection.query(`DELETE FROM main.${quoted(name)}`);
  await connection.query(`INSERT INTO main.${quoted(name)} (${list}) SELECT ${list} FROM ${SIDE}.${quoted(name)}`);
}

/** AUTOINCREMENT goes on where it stood. */
async function copySequences(connection: Connection): Promise<void> {
  const there = await connection.query(`SELECT 1 FROM ${SIDE}.sqlite_schema WHERE name = 'sqlite_sequence'`);
  if (there.length === 0 || (await connection.query("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'")).length === 0) return;
  await connection.query('DELETE FROM main.sqlite_sequence');
  await connection.query(`INSERT INTO main.sqlite_sequence SELECT * FROM ${SIDE}.sqlite_sequence`);
}

async function requireSame(connection: Connection): Promise<void> {
  const [there, here] = [await objectsOf(connection, SIDE), await objectsOf(connection, 'main')];
  const text = (objects: SchemaObject[]) => objects.map(({ type, name, sql }) => `${type} ${name} ${normalized(sql)}`).sort().join('\0');
  if (text(there) !== text(here)) throw plainError(null, 'the schema was not the same after its rows were copied');
  for (const { name, type } of await tablesOf(connection, SIDE)) {
    if (type === 'virtual') continue;
    const [row] = await connection.query<{ same: number }>(`SELECT (SELECT count(*) FROM main.${quoted(name)}) = (SELECT count(*) FROM ${SIDE}.${quoted(name)}) AS same`);
    if (row?.same !== 1) throw plainError(null, `the table ${name} has another number of rows than in the backup`);
  }
}

/** SQLite writes the beginning of a statement anew. */
const normalized = (sql: string) => tokensOf(sql).filter((token) => !is(token, 'IF') && !is(token, 'EXISTS')).map(({ text }) => text).join(' ');
