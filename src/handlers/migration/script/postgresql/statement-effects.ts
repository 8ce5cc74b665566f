/** Which effects each kind of statement has, all but the parts of ALTER TABLE. */
import type { Node } from 'libpg-query';
import { alterTableEffects } from './alter-table.js';
import { caution, destroys, destroysAs, note, opaque, type Effect, type Fresh } from '../effect.js';
import { objectsIn, names, optionOn, relationName, unwrap } from './tree.js';

/** Effects worth telling; an empty list means that nothing of existing data or traffic is touched. */
export function effectsOf(node: Node, fresh: Fresh): Effect[] {
  if ('AlterTableStmt' in node) return alterTableEffects(node.AlterTableStmt, fresh);
  if ('DropStmt' in node) return dropEffects(node.DropStmt);
  if ('IndexStmt' in node) return indexEffects(node.IndexStmt, fresh);
  if ('TruncateStmt' in node) return truncateEffects(node.TruncateStmt.relations, fresh);
  if ('DeleteStmt' in node) return writeEffects('DELETE', relationName(node.DeleteStmt.relation), Boolean(node.DeleteStmt.whereClause), fresh);
  if ('UpdateStmt' in node) return updateEffects(node.UpdateStmt, fresh);
  if ('InsertStmt' in node) return insertEffects(node.InsertStmt, fresh);
  if ('RenameStmt' in node) return renameEffects(node.RenameStmt, fresh);
  if ('LockStmt' in node) return [caution(`LOCK TABLE ${tables(node.LockStmt.relations)} holds everyone off until the end of the migration`)];
  if ('VariableSetStmt' in node) return settingEffects(node.VariableSetStmt.name ?? '');
  if ('VacuumStmt' in node && optionOn(node.VacuumStmt.options, 'full')) return [caution('VACUUM FULL rewrites the table and locks it against reading')];
  if ('SelectStmt' in node && writesInside(node)) return [{ ...destroys('A WITH query deletes or overwrites rows', 'high'), kind: 'delete' }];
  if ('SelectStmt' in node) return callsFunction(node) ? [opaque('SELECT runs a function whose effect is not in the script', 'low')] : [];
  if ('CopyStmt' in node && node.CopyStmt.is_from && !node.CopyStmt.filename) {
    return [{ ...opaque('COPY FROM STDIN has no input when a migration runs: it will fail', 'high'), level: 'danger' }];
  }
  const known = BY_KIND[unwrap(node).kind];
  return known ? [known] : [];
}

const BY_KIND: Record<string, Effect> = {
  DoStmt: opaque('A DO block: what it does to data is not told by the grammar'),
  CallStmt: opaque('CALL runs a procedure whose effect is not in the script'),
  ExecuteStmt: opaque('EXECUTE runs a prepared statement'),
  MergeStmt: { ...destroys('MERGE overwrites or deletes rows', 'high'), kind: 'delete' },
  DropOwnedStmt: destroys('DROP OWNED drops everything that the role owns'),
  DropdbStmt: destroysAs('drop_database', 'DROP DATABASE'),
  DropTableSpaceStmt: destroys('DROP TABLESPACE'),
  ClusterStmt: caution('CLUSTER rewrites the table and locks it against reading'),
  AlterSystemStmt: caution('ALTER SYSTEM changes the whole server'),
  RefreshMatViewStmt: note('REFRESH MATERIALIZED VIEW locks the view against reading unless CONCURRENTLY', 'medium'),
  ReindexStmt: note('REINDEX locks its table against writing unless CONCURRENTLY', 'medium'),
};

const tables = (relations: readonly Node[] | undefined) =>
  (relations ?? []).map((node) => ('RangeVar' in node ? relationName(node.RangeVar) : '')).join(', ');

type Body<Kind extends string> = Extract<Node, Record<Kind, unknown>> extends Record<Kind, infer B> ? B : never;

const WITH_DATA: Record<string, string> = {
  OBJECT_TABLE: 'DROP TABLE', OBJECT_SCHEMA: 'DROP SCHEMA', OBJECT_SEQUENCE: 'DROP SEQUENCE', OBJECT_FOREIGN_TABLE: 'DROP FOREIGN TABLE',
};

const FORBIDDABLE_DROPS: Record<string, Pick<Effect, 'kind'>> = {
  OBJECT_TABLE: { kind: 'drop_table' }, OBJECT_FOREIGN_TABLE: { kind: 'drop_table' }, OBJECT_SCHEMA: { kind: 'drop_schema' },
};

function dropEffects(drop: Body<'DropStmt'>): Effect[] {
  const what = WITH_DATA[drop.removeType ?? ''];
  const objects = (drop.objects ?? []).map(dottedName).join(', ');
  if (what) return [{ ...destroys(`${what} ${objects} destroys its data`), ...FORBIDDABLE_DROPS[drop.removeType ?? ''] }];
  if (drop.behavior === 'DROP_CASCADE') return [destroys(`DROP … CASCADE of ${objects} may drop columns and tables with it`, 'high')];
  return [];
}

/** Objects stand as lists of names, as types, or as functions with their arguments. */
function dottedName(object: Node): string {
  if ('List' in object) return names(object.List.items).join('.');
  if ('TypeName' in object) return names(object.TypeName.names).join('.');
  if ('ObjectWithArgs' in object) return names(object.ObjectWithArgs.objname).join('.');
  return names([object]).join('.');
}

function indexEffects(index: Body<'IndexStmt'>, fresh: Fresh): Effect[] {
  const table = relationName(index.relation);
  if (fresh.has(table)) return [];
  if (index.concurrent) return [note(`CREATE INDEX CONCURRENTLY on ${table} runs outside a transaction`)];
  return [caution(`CREATE INDEX without CONCURRENTLY locks ${table} against writing while it builds`)];
}

function truncateEffects(relations: readonly Node[] | undefined, fresh: Fresh): Effect[] {
  const old = (relations ?? []).filter((node) => !('RangeVar' in node && fresh.has(relationName(node.RangeVar))));
  return old.length > 0 ? [destroysAs('truncate', `TRUNCATE ${tables(old)} destroys all rows`)] : [];
}

function writeEffects(kind: 'DELETE' | 'UPDATE', table: string, where: boolean, fresh: Fresh): Effect[] {
  if (fresh.has(table)) return [];
  if (!where) return [destroysAs(kind === 'DELETE' ? 'delete_without_where' : 'update_without_where', `${kind} without WHERE ${kind === 'DELETE' ? 'destroys' : 'overwrites'} all rows of ${table}`)];
  return [{ ...destroys(`${kind} ${kind === 'DELETE' ? 'destroys' : 'overwrites'} rows of ${table}`, kind === 'DELETE' ? 'high' : 'medium'), level: 'warning', ...(kind === 'DELETE' ? { kind: 'delete' as const } : {}) }];
}

/** Filling columns that the same script added overwrites nothing. */
function updateEffects(update: Body<'UpdateStmt'>, fresh: Fresh): Effect[] {
  const table = relationName(update.relation);
  const columns = (update.targetList ?? []).map((node) => ('ResTarget' in node ? node.ResTarget.name : undefined));
  if (columns.every((column) => fresh.has(`${table}.${column}`))) return [note(`UPDATE fills new columns of ${table} and locks its rows`, 'medium')];
  return writeEffects('UPDATE', table, Boolean(update.whereClause), fresh);
}

function insertEffects(insert: Body<'InsertStmt'>, fresh: Fresh): Effect[] {
  const table = relationName(insert.relation);
  if (insert.onConflictClause?.action !== 'ONCONFLICT_UPDATE' || fresh.has(table)) return [];
  return [{ ...destroys(`INSERT … ON CONFLICT DO UPDATE may overwrite rows of ${table}`, 'medium'), level: 'warning' }];
}

function renameEffects(rename: Body<'RenameStmt'>, fresh: Fresh): Effect[] {
  const table = relationName(rename.relation);
  if (fresh.has(table)) return [];
  if (rename.renameType === 'OBJECT_TABLE') return [caution(`Renaming table ${table} breaks applications that still use the old name`, 'medium')];
  if (rename.renameType === 'OBJECT_COLUMN') return [caution(`Renaming a column of ${table} breaks applications that still use the old name`, 'medium')];
  return [];
}

const SESSION_SETTINGS = new Set(['role', 'session_authorization', 'search_path', 'lock_timeout', 'statement_timeout']);

function settingEffects(name: string): Effect[] {
  return SESSION_SETTINGS.has(name) ? [caution(`SET ${name} changes how the rest of the script runs`, 'medium')] : [];
}

function writesInside(node: Node): boolean {
  for (const object of objectsIn(node)) if ('DeleteStmt' in object || 'UpdateStmt' in object) return true;
  return false;
}

/** Functions that every dump contains and that touch no table. */
const HARMLESS = new Set(['set_config', 'setval', 'now', 'version', 'current_setting']);

function callsFunction(node: Node): boolean {
  for (const object of objectsIn(node)) {
    const called = (object.FuncCall as { funcname?: Node[] } | undefined)?.funcname;
    if (called && !HARMLESS.has(names(called).at(-1) ?? '')) return true;
  }
  return false;
}
