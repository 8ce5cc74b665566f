/** Which tables and columns a statement takes away. */
import type { Node } from 'libpg-query';
import { names } from './tree.js';
import { quotedName, quotedRelation } from './quoted-name.js';

/** Rows of `table` (quoted), or values of its `column` (as it is called). */
export interface Taken { table: string; column: string | null }

/** What exactly a statement drops; null where that is not told by the statement alone. */
export function takenBy(node: Node): Taken[] | null {
  if ('DropStmt' in node) {
    const { removeType, behavior } = node.DropStmt;
    if (removeType !== 'OBJECT_TABLE' || behavior === 'DROP_CASCADE') return null;
    return droppedTables(node);
  }
  if (!('AlterTableStmt' in node)) return null;
  const { relation, cmds } = node.AlterTableStmt;
  const table = quotedRelation(relation);
  const taken: Taken[] = [];
  for (const command of cmds ?? []) {
    if (!('AlterTableCmd' in command)) return null;
    const { subtype, name, behavior } = command.AlterTableCmd;
    if (subtype === 'AT_AlterColumnType' || behavior === 'DROP_CASCADE') return null;
    if (subtype === 'AT_DropColumn') taken.push({ table, column: name ?? '' });
  }
  return taken;
}

/**
 * What a statement takes away at least, to be counted: as `takenBy`, and also what CASCADE, TRUNCATE and writes without WHERE
 * name. Empty where nothing can be counted.
 */
export function countable(node: Node): Taken[] {
  if ('DropStmt' in node) return node.DropStmt.removeType === 'OBJECT_TABLE' ? droppedTables(node) : [];
  if ('TruncateStmt' in node) {
    return (node.TruncateStmt.relations ?? []).flatMap((relation) => ('RangeVar' in relation ? [{ table: quotedRelation(relation.RangeVar), column: null }] : []));
  }
  if ('DeleteStmt' in node && !node.DeleteStmt.whereClause) return [{ table: quotedRelation(node.DeleteStmt.relation), column: null }];
  if (!('AlterTableStmt' in node)) return [];
  const table = quotedRelation(node.AlterTableStmt.relation);
  return (node.AlterTableStmt.cmds ?? []).flatMap((command) => {
    if (!('AlterTableCmd' in command)) return [];
    const { subtype, name } = command.AlterTableCmd;
    return subtype === 'AT_DropColumn' || subtype === 'AT_AlterColumnType' ? [{ table, column: name ?? '' }] : [];
  });
}

function droppedTables(node: Extract<Node, { DropStmt: unknown }>): Taken[] {
  return (node.DropStmt.objects ?? []).map((object) => ({ table: quotedName('List' in object ? names(object.List.items) : []), column: null }));
}
