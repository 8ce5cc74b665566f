/** What statements do to data, to locks and to the applications that run beside them. */
import { caution, destroys, destroysAs, note, opaque, type Effect } from '../effect.js';
import type { AlterAction } from './alter-actions.js';
import { changeOf, type Change } from './change.js';
import type { QualifiedName, Script } from './statements.js';

export interface PlacedEffect extends Effect {
  line: number;
  change: Change;
}

/** What a statement creates is new for those after it. */
export function scriptEffects(script: Script): PlacedEffect[] {
  const fresh = new Set<string>();
  return script.statements.flatMap((statement) => {
    const change = changeOf(statement);
    const effects = effectsOf(change, fresh).map((effect) => ({ ...effect, line: statement.line, change }));
    for (const name of created(change)) fresh.add(name);
    return effects;
  });
}

/** Names of tables, and of columns as `table.column`. A table that may have been there before is not new. */
function created(change: Change): string[] {
  if (change.kind === 'create_table') return change.ifNotExists ? [] : [plain(change.table)];
  if (change.kind !== 'alter_table') return [];
  return change.actions.flatMap((action) => (action.kind === 'add_column' ? [`${plain(change.table)}.${action.column}`] : []));
}

export const plain = ({ database, name }: QualifiedName) => (database === null ? name : `${database}.${name}`);

function effectsOf(change: Change, fresh: ReadonlySet<string>): Effect[] {
  switch (change.kind) {
    case 'alter_table':
      return fresh.has(plain(change.table)) ? [] : change.actions.flatMap((action) => actionEffects(action, plain(change.table)));
    case 'drop_tables':
      return change.temporary ? [] : change.tables.filter((table) => !fresh.has(plain(table))).map((table) => destroysAs('drop_table', `DROP TABLE ${plain(table)} destroys its data`));
    case 'truncate':
      return fresh.has(plain(change.table)) ? [] : [destroysAs('truncate', `TRUNCATE ${plain(change.table)} destroys all rows`)];
    case 'create_index':
      return fresh.has(plain(change.table)) ? [] : indexEffects(plain(change.table), change.unique);
    case 'rows':
      return rowEffects(change, fresh);
    case 'rename_tables':
      return change.pairs.filter(([from]) => !fresh.has(plain(from))).map(([from]) => caution(`Renaming table ${plain(from)} breaks applications that still use the old name`, 'medium'));
    case 'transaction':
      return [caution('The script begins, ends or locks by itself')];
    case 'use':
      return [{ ...opaque(`USE ${change.database} leads to another database`, 'high'), level: 'danger' }];
    case 'outside':
      return change.what === 'DROP DATABASE' || change.what === 'DROP SCHEMA' ? [destroysAs('drop_database', change.what)] : [opaque(`${change.what}: reaches beyond the database`, 'high')];
    case 'sets':
      return change.names.filter((name) => name === 'foreign_key_checks' || name === 'unique_checks' || name === 'sql_mode').map((name) => note(`SET ${name} changes how the rest of the script runs`));
    case 'other':
      return [opaque(`${change.what}: what it does to data is not told by the statement`)];
    case 'create_table': case 'create_code': case 'drop_code': case 'drop_index': case 'reads': case 'nothing':
      return [];
  }
}

function actionEffects(action: AlterAction, table: string): Effect[] {
  switch (action.kind) {
    case 'drop_column':
      return [destroysAs('drop_column', `DROP COLUMN ${table}.${action.column} destroys its data`)];
    case 'modify_column':
      return [
        { ...opaque(`Changing column ${table}.${action.column} may cut or convert its values, and may copy the table while nobody can write`, 'high'), level: 'danger' },
        ...(action.to !== null && action.to !== action.column ? [caution(`Renaming column ${table}.${action.column} breaks applications that still use the old name`, 'medium')] : []),
      ];
    case 'add_column':
      return action.fill === 'implicit' ? [caution(`ADD COLUMN ${table}.${action.column} NOT NULL without a default: existing rows get an empty value that nobody chose`)] : action.fill === 'computed' ? [note(`ADD COLUMN ${table}.${action.column} with a computed default copies the table`, 'medium')] : [];
    case 'add_index':
      return indexEffects(table, action.unique);
    case 'add_foreign_key':
      return [note(`ADD FOREIGN KEY ${action.name} reads the whole of ${table}, and fails where a row has no parent`, 'medium')];
    case 'add_check':
      return [note(`ADD CHECK ${action.name} reads the whole of ${table}, and fails where a row breaks it`, 'medium')];
    case 'rename_column':
      return [caution(`Renaming column ${table}.${action.from} breaks applications that still use the old name`, 'medium')];
    case 'rename_table':
      return [caution(`Renaming table ${table} breaks applications that still use the old name`, 'medium')];
    case 'drop_partition':
      return [destroys(`Dropping or emptying partitions of ${table} destroys their rows`)];
    case 'other':
      return [opaque(`ALTER TABLE ${table} ${action.what} …: what it does to data is not told by the statement`)];
    case 'column_default': case 'drop_foreign_key': case 'drop_index': case 'rename_index':
      return [];
  }
}

function indexEffects(table: string, unique: boolean): Effect[] {
  return unique ? [caution(`A unique index on ${table} fails where values are there twice`, 'medium')] : [note(`The index is built while others may write to ${table}`)];
}

function rowEffects(change: Extract<Change, { kind: 'rows' }>, fresh: ReadonlySet<string>): Effect[] {
  const table = change.table === null ? null : plain(change.table);
  if (table !== null && fresh.has(table)) return [];
  const of = table ?? 'several tables';
  if (change.verb === 'INSERT') return change.onDuplicate ? [{ ...destroys(`INSERT … ON DUPLICATE KEY UPDATE may overwrite rows of ${of}`, 'medium'), level: 'warning' }] : [];
  if (change.verb === 'REPLACE') return [{ ...destroys(`REPLACE may overwrite rows of ${of}`, 'high'), level: 'warning', kind: 'delete' }];
  if (change.verb === 'UPDATE' && table !== null && change.columns.length > 0 && change.columns.every((column) => fresh.has(`${table}.${column}`))) {
    return [note(`UPDATE fills new columns of ${table} and locks its rows`, 'medium')];
  }
  const deletes = change.verb === 'DELETE';
  if (!change.where) return [destroysAs(deletes ? 'delete_without_where' : 'update_without_where', `${change.verb} without WHERE ${deletes ? 'destroys' : 'overwrites'} all rows of ${of}`)];
  return [{ ...destroys(`${change.verb} ${deletes ? 'destroys' : 'overwrites'} rows of ${of}`, deletes ? 'high' : 'medium'), level: 'warning', ...(deletes ? { kind: 'delete' as const } : {}) }];
}
