/** The reverse of a statement that ran, where there is one that is sure to lose nothing. */
import { quoted } from '../../../database/mysql/names.js';
import type { AlterAction } from './alter-actions.js';
import type { Change } from './change.js';
import { plain } from './effects.js';
import { has } from './look.js';
import { keyOf, sqlName, type Definitions } from './touched.js';

export interface Reverse {
  /** The statement; null: nothing is to be done. */
  sql: string | null;
  /** Tables that are held while it is checked and run. */
  lock: string[];
  /** Queries that must find nothing, under that lock: what they find would be lost. */
  checks: string[];
}

const NOTHING: Reverse = { sql: null, lock: [], checks: [] };

/** What is known of the script as a whole. */
export interface ScriptFacts {
  /** The database that it runs in. */
  database: string;
  /** Tables that it made: what happened to them goes with them. */
  fresh: ReadonlySet<string>;
  /** Definitions before it began, and as they are. */
  before: Definitions;
  now: Definitions;
}

/** @returns null where a person has to decide */
export function reverseOf(change: Change, facts: ScriptFacts): Reverse | null {
  const { database, fresh, before } = facts;
  const name = (of: Parameters<typeof sqlName>[1]) => sqlName(database, of);
  switch (change.kind) {
    case 'reads': case 'sets': case 'nothing':
      return NOTHING;
    case 'create_table': {
      if (change.temporary) return NOTHING;
      // IF NOT EXISTS: the table was there, and is not ours.
      if (before[keyOf({ kind: 'table', name: change.table })] != null) return NOTHING;
      return change.filled ? null : { sql: `DROP TABLE ${name(change.table)}`, lock: [name(change.table)], checks: [`SELECT 1 FROM ${name(change.table)} LIMIT 1`] };
    }
    case 'create_index':
      return fresh.has(plain(change.table)) ? NOTHING : { sql: `DROP INDEX ${quoted(change.index)} ON ${name(change.table)}`, lock: [], checks: [] };
    case 'rename_tables':
      return { sql: `RENAME TABLE ${change.pairs.toReversed().map(([from, to]) => `${name(to)} TO ${name(from)}`).join(', ')}`, lock: [], checks: [] };
    case 'create_code':
      if (before[keyOf({ kind: change.of, name: change.name })] != null) return change.ifNotExists ? NOTHING : null;
      return { sql: `DROP ${change.of.toUpperCase()} ${name(change.name)}`, lock: [], checks: [] };
    case 'alter_table':
      return fresh.has(plain(change.table)) && !change.actions.some(({ kind }) => kind === 'rename_table') ? NOTHING : alterReverse(change, facts);
    case 'rows':
      // Rows of a table that goes: the check of its DROP finds them, and then a person decides.
      return change.table !== null && fresh.has(plain(change.table)) ? NOTHING : null;
    default:
      return null;
  }
}

function alterReverse(change: Extract<Change, { kind: 'alter_table' }>, { database, before, now }: ScriptFacts): Reverse | null {
  const table = sqlName(database, change.table);
  if (change.actions.length === 1 && change.actions[0]!.kind === 'rename_table') {
    const [{ database: to, to: renamed }] = change.actions as [Extract<AlterAction, { kind: 'rename_table' }>];
    return { sql: `RENAME TABLE ${sqlName(database, { database: to, name: renamed })} TO ${table}`, lock: [], checks: [] };
  }
  const key = keyOf({ kind: 'table', name: change.table });
  const was = before[key] ?? null;
  const parts: string[] = [];
  const checks: string[] = [];
  for (const action of change.actions.toReversed()) {
    const part = actionReverse(action, was, now[key] ?? null);
    if (part === null) return null;
    parts.push(...part.parts);
    checks.push(...part.losses.map((loss) => `SELECT 1 FROM ${table}${loss === '' ? '' : ` WHERE ${loss}`} LIMIT 1`));
  }
  return { sql: `ALTER TABLE ${table} ${parts.join(', ')}`, lock: checks.length > 0 ? [table] : [], checks };
}

/** `losses`: conditions that hold for rows which would lose something; '' for every row. */
function actionReverse(action: AlterAction, was: string | null, is: string | null): { parts: string[]; losses: string[] } | null {
  switch (action.kind) {
    case 'add_column':
      return { parts: [`DROP COLUMN ${quoted(action.column)}`], losses: lossesOf(action) };
    case 'add_index':
      return { parts: [`DROP INDEX ${quoted(action.index)}`], losses: [] };
    case 'add_foreign_key':
      // The server makes an index of the key's name where none serves it, and leaves it behind.
      return { parts: [`DROP FOREIGN KEY ${quoted(action.name)}`, ...(has(is, 'index', action.name) && !has(was, 'index', action.name) ? [`DROP INDEX ${quoted(action.name)}`] : [])], losses: [] };
    case 'add_check':
      return { parts: [`DROP CONSTRAINT ${quoted(action.name)}`], losses: [] };
    case 'rename_column':
      return { parts: [`RENAME COLUMN ${quoted(action.to)} TO ${quoted(action.from)}`], losses: [] };
    case 'rename_index':
      return { parts: [`RENAME INDEX ${quoted(action.to)} TO ${quoted(action.from)}`], losses: [] };
    default:
      return null;
  }
}

/** A column that holds what it was made with comes back with it. */
export function lossesOf(action: Extract<AlterAction, { kind: 'add_column' }>): string[] {
  const column = quoted(action.column);
  switch (action.fill) {
    case 'generated':
      return [];
    case 'null':
      return [`${column} IS NOT NULL`];
    case 'constant':
      return [`NOT (${column} <=> DEFAULT(${column}))`];
    case 'computed': case 'implicit':
      return [''];
  }
}
