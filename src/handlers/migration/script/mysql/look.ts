/** Whether a statement took effect whose end is not known: by what is there now, and what was there right before it. */
import type { Session } from '../../../database/contract.js';
import { tableFacts } from '../../../database/mysql/fingerprint.js';
import type { AlterAction } from './alter-actions.js';
import type { Change } from './change.js';
import { definitionsOf, keyOf, type Definitions } from './touched.js';

/**
 * Schema changes of the servers that we run on are undone by the server when they are cut off, each as a whole, so an object that is as
 * it was right before has not been changed. An object that is otherwise must also be as the statement makes it.
 */
export async function tookEffect(session: Session, database: string, change: Change, before: Definitions): Promise<'yes' | 'no' | 'unknown'> {
  const now = await definitionsOf(session, database, [change]);
  if (Object.keys(now).length === 0) return 'unknown';
  const same = Object.keys(now).every((key) => now[key] === (before[key] ?? null));
  if (same) return 'no';
  return isAsMade(change, now) ? 'yes' : 'unknown';
}

function isAsMade(change: Change, now: Definitions): boolean {
  const table = (name: Parameters<typeof keyOf>[0]['name']) => now[keyOf({ kind: 'table', name })] ?? null;
  switch (change.kind) {
    case 'create_table':
      return table(change.table) !== null;
    case 'create_code':
      return Object.values(now)[0] !== null;
    case 'drop_code':
      return Object.values(now)[0] === null;
    case 'drop_tables':
      return change.tables.every((name) => table(name) === null);
    case 'rename_tables':
      return change.pairs.every(([, to]) => table(to) !== null);
    case 'create_index':
      return has(table(change.table), 'index', change.index);
    case 'drop_index':
      return table(change.table) !== null && !has(table(change.table), 'index', change.index);
    case 'alter_table': {
      const renamed = change.actions.find((action) => action.kind === 'rename_table');
      const definition = renamed ? table({ database: renamed.database, name: renamed.to }) : table(change.table);
      return definition !== null && change.actions.every((action) => actionTookEffect(action, definition));
    }
    default:
      return false;
  }
}

function actionTookEffect(action: AlterAction, definition: string): boolean {
  switch (action.kind) {
    case 'add_column':
      return has(definition, 'column', action.column);
    case 'drop_column':
      return !has(definition, 'column', action.column);
    case 'rename_column':
      return has(definition, 'column', action.to) && !has(definition, 'column', action.from);
    case 'add_index':
      return has(definition, 'index', action.index);
    case 'drop_index':
      return !has(definition, 'index', action.index);
    case 'rename_index':
      return has(definition, 'index', action.to);
    case 'add_foreign_key': case 'add_check':
      return has(definition, 'constraint', action.name);
    case 'drop_foreign_key':
      return !has(definition, 'constraint', action.name);
    case 'rename_table':
      return true;
    // One statement is done as a whole: where it did anything, it did this too. Alone it proves nothing else.
    case 'modify_column': case 'column_default':
      return true;
    case 'drop_partition': case 'other':
      return false;
  }
}

export function has(definition: string | null, kind: 'column' | 'index' | 'constraint', name: string): boolean {
  return definition !== null && tableFacts('', definition).some((fact) => fact.kind === kind && fact.name.toLowerCase() === `.${name}`.toLowerCase());
}
