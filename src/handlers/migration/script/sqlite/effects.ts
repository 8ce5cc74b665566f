/** What a script does to data and to the applications beside it, statement by statement. */
import { caution, destroys, destroysAs, note, opaque, type Effect } from '../effect.js';
import { kindOf, type Kind } from './kind.js';
import type { Script, Statement } from './parse.js';
import { rebuiltTables, type Rebuilt } from './rebuilt.js';
import { follow, key, type Tables } from './tables.js';

/** Rows of `table`, or values of its `column`. */
export interface Taken { table: string; column: string | null }

export interface PlacedEffect extends Effect {
  line: number;
  statement: Statement;
  /** What exactly is taken away; null where the statement alone does not tell. */
  taken: Taken[] | null;
}

type Told = [effects: Effect[], taken?: Taken[] | null];

/** @param tables as they are before the script; absent: not known */
export function scriptEffects(script: Script, tables: Tables = new Map()): PlacedEffect[] {
  const known: Tables = new Map([...tables].map(([table, columns]) => [table, new Set(columns)]));
  const rebuilt = rebuiltTables(script.statements);
  const fresh = new Set<string>();
  return script.statements.flatMap((statement) => {
    const kind = kindOf(statement.tokens);
    const [effects, taken = null] = effectsOf(kind, statement, { fresh, known, rebuilt });
    if (kind.is === 'create table' && !kind.onlyIfMissing) fresh.add(key(kind.table));
    if (kind.is === 'add column') fresh.add(`${key(kind.table)}.${key(kind.column)}`);
    follow(known, kind);
    return effects.map((effect) => ({ ...effect, line: statement.line, statement, taken }));
  });
}

interface Context { fresh: ReadonlySet<string>; known: Tables; rebuilt: readonly Rebuilt[] }

function effectsOf(kind: Kind, statement: Statement, context: Context): Told {
  const isFresh = (table: string) => context.fresh.has(key(table));
  switch (kind.is) {
    case 'drop':
      return kind.what === 'table' ? dropTable(kind.name, statement, context) : [[]];
    case 'drop column':
      return isFresh(kind.table) ? [[]] : [[destroysAs('drop_column', `DROP COLUMN ${kind.table}.${kind.column} destroys its data`)], [kind]];
    case 'add column':
      return [kind.notNull && !isFresh(kind.table) ? [caution(`ADD COLUMN ${kind.table}.${kind.column} NOT NULL without DEFAULT fails: SQLite refuses it`)] : []];
    case 'rename table':
      return [isFresh(kind.table) ? [] : [caution(`Renaming table ${kind.table} breaks applications that still use the old name`, 'medium')]];
    case 'rename column':
      return [isFresh(kind.table) ? [] : [caution(`Renaming a column of ${kind.table} breaks applications that still use the old name`, 'medium')]];
    case 'create index':
      return [isFresh(kind.table) ? [] : [note(`CREATE ${kind.unique ? 'UNIQUE ' : ''}INDEX on ${kind.table} holds off all writes to the database while it builds`, kind.unique ? 'medium' : 'low')]];
    case 'insert':
      return kind.replaces && !isFresh(kind.table) ? [[{ ...destroys(`INSERT that replaces or updates may overwrite rows of ${kind.table}`, 'medium'), level: 'warning' }]] : [[]];
    case 'update':
      return updates(kind, context.fresh);
    case 'delete':
      return isFresh(kind.table) ? [[]] : deletes(kind);
    case 'pragma':
      return pragma(kind);
    case 'other':
      return [[opaque('What this statement does to data is not known here', 'medium')]];
    default:
      return [[]];
  }
}

function dropTable(name: string, statement: Statement, { fresh, known, rebuilt }: Context): Told {
  const rebuild = rebuilt.find(({ drop }) => drop === statement);
  if (rebuild === undefined) return fresh.has(key(name)) ? [[]] : [[destroysAs('drop_table', `DROP TABLE ${name} destroys its data`)], [{ table: name, column: null }]];
  const columns = known.get(key(name));
  if (rebuild.copied === null || columns === undefined) {
    const copied = rebuild.copied === null ? 'by a query' : `with the columns ${rebuild.copied.join(', ')}`;
    return [[opaque(`Rebuilds table ${name} ${copied}: what other columns hold is lost`, 'high')]];
  }
  const kept = new Set(rebuild.copied.map(key));
  const lost = [...columns].filter((column) => !kept.has(column));
  if (lost.length === 0) return [[note(`Rebuilds table ${name} with all its columns; meanwhile nobody else writes to the database`)]];
  return [lost.map((column) => destroysAs('drop_column', `Rebuilds table ${name} without its column ${column}: its data is destroyed`)), lost.map((column) => ({ table: name, column }))];
}

/** Filling columns that the same script added overwrites nothing. */
function updates({ table, columns, where }: Extract<Kind, { is: 'update' }>, fresh: ReadonlySet<string>): Told {
  if (fresh.has(key(table))) return [[]];
  if (columns.length > 0 && columns.every((column) => fresh.has(`${key(table)}.${key(column)}`))) return [[note(`UPDATE fills new columns of ${table}`)]];
  if (!where) return [[destroysAs('update_without_where', `UPDATE without WHERE overwrites all rows of ${table}`)]];
  return [[{ ...destroys(`UPDATE overwrites rows of ${table}`, 'medium'), level: 'warning' }]];
}

function deletes({ table, where }: Extract<Kind, { is: 'delete' }>): Told {
  if (!where) return [[destroysAs('delete_without_where', `DELETE without WHERE destroys all rows of ${table}`)], [{ table, column: null }]];
  return [[{ ...destroys(`DELETE destroys rows of ${table}`, 'high'), level: 'warning', kind: 'delete' }]];
}

const HARMLESS = new Set(['foreign_keys', 'defer_foreign_keys', 'foreign_key_check', 'integrity_check', 'quick_check', 'optimize', 'table_info', 'user_version', 'application_id', 'legacy_alter_table']);

function pragma({ name, value }: Extract<Kind, { is: 'pragma' }>): Told {
  if (name === 'writable_schema' && value !== null && !/^(0|off|false|no)$/i.test(value)) return [[opaque('PRAGMA writable_schema lets the script write the schema itself: a mistake damages the file', 'destructive')]];
  return [value === null || HARMLESS.has(name) ? [] : [note(`PRAGMA ${name} changes a setting`)]];
}
