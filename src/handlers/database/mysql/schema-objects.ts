/** What is in a database, by the server's own definitions. */
import type { Session } from '../contract.js';
import { quoted } from './names.js';
import { errnoOf, NO_SUCH_TABLE } from './server-failure.js';

export interface TableInfo { name: string; kind: 'table' | 'view' | 'sequence'; engine: string | null }

/** Tables, views and sequences, by name. */
export async function tablesIn(session: Session, database: string): Promise<TableInfo[]> {
  const rows = await session.query<{ name: string; type: string; engine: string | null }>(
    "SELECT table_name AS name, table_type AS type, engine AS engine FROM information_schema.tables WHERE table_schema = ? AND table_type <> 'TEMPORARY' ORDER BY table_name", [database],
  );
  return rows.map(({ name, type, engine }) => ({ name, engine, kind: type === 'VIEW' || type === 'SYSTEM VIEW' ? 'view' : type === 'SEQUENCE' ? 'sequence' : 'table' }));
}

/** `CREATE TABLE …` as the server writes it, without the counter of AUTO_INCREMENT, which is data. Null when it is gone. */
export async function tableDefinition(session: Session, database: string, table: string): Promise<string | null> {
  try {
    const [row] = await session.query<Record<string, string | null>>(`SHOW CREATE TABLE ${quoted(database)}.${quoted(table)}`);
    const text = row?.['Create Table'] ?? row?.['Create View'] ?? '';
    // Only in the options behind the closing bracket; a default or a comment may hold the same words.
    return text.replace(/^(\).*?) AUTO_INCREMENT=\d+/m, '$1');
  } catch (error) {
    if (errnoOf(error) === NO_SUCH_TABLE) return null;
    throw error;
  }
}

export interface CodeObject {
  kind: 'view' | 'trigger' | 'procedure' | 'function' | 'event';
  name: string;
  /** The server's statement that makes it, with its definer; null where this user may not see it. */
  sql: string | null;
  /** The session's settings under which it was made: part of what it does. */
  sqlMode: string;
  characterSet: string | null;
  collation: string | null;
  definer: string;
  /** Of a trigger. */
  table?: string;
}

const LISTS: { kind: CodeObject['kind']; list: string; show: string; column: string }[] = [
  { kind: 'view', show: 'SHOW CREATE VIEW', column: 'Create View', list: 'SELECT table_name AS name, definer AS definer, NULL AS tab FROM information_schema.views WHERE table_schema = ? ORDER BY table_name' },
  { kind: 'trigger', show: 'SHOW CREATE TRIGGER', column: 'SQL Original Statement', list: 'SELECT trigger_name AS name, definer AS definer, event_object_table AS tab FROM information_schema.triggers WHERE trigger_schema = ? ORDER BY event_object_table, event_manipulation, action_timing, action_order' },
  { kind: 'procedure', show: 'SHOW CREATE PROCEDURE', column: 'Create Procedure', list: "SELECT routine_name AS name, definer AS definer, NULL AS tab FROM information_schema.routines WHERE routine_schema = ? AND routine_type = 'PROCEDURE' ORDER BY routine_name" },
  { kind: 'function', show: 'SHOW CREATE FUNCTION', column: 'Create Function', list: "SELECT routine_name AS name, definer AS definer, NULL AS tab FROM information_schema.routines WHERE routine_schema = ? AND routine_type = 'FUNCTION' ORDER BY routine_name" },
  { kind: 'event', show: 'SHOW CREATE EVENT', column: 'Create Event', list: 'SELECT event_name AS name, definer AS definer, NULL AS tab FROM information_schema.events WHERE event_schema = ? ORDER BY event_name' },
];

/** Views, triggers (in the order in which they fire), routines and events. */
export async function codeObjects(session: Session, database: string): Promise<CodeObject[]> {
  const found: CodeObject[] = [];
  for (const { kind, list, show, column } of LISTS) {
    for (const { name, definer, tab } of await session.query<{ name: string; definer: string; tab: string | null }>(list, [database])) {
      const [row] = await session.query<Record<string, string | null>>(`${show} ${quoted(database)}.${quoted(name)}`);
      if (!row) continue;
      const text = (key: string) => row[key] ?? null;
      found.push({
        kind, name, definer, sql: text(column), sqlMode: text('sql_mode') ?? '', characterSet: text('character_set_client'), collation: text('collation_connection'),
        ...(tab !== null && { table: tab }),
      });
    }
  }
  return found;
}
