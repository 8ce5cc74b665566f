/** Effects of a whole script, statement by statement. */
import type { Node } from 'libpg-query';
import type { Effect } from '../effect.js';
import type { Script } from './parse.js';
import { effectsOf } from './statement-effects.js';
import { relationName } from './tree.js';

export interface PlacedEffect extends Effect {
  line: number;
  /** The statement that has it. */
  node: Node;
}

/** What a statement creates is new for those after it. */
export function scriptEffects(script: Script): PlacedEffect[] {
  const fresh = new Set<string>();
  return script.statements.flatMap(({ node, line }) => {
    const effects = effectsOf(node, fresh).map((effect) => ({ ...effect, line, node }));
    for (const name of created(node)) fresh.add(name);
    return effects;
  });
}

function created(node: Node): string[] {
  if ('CreateStmt' in node) return [relationName(node.CreateStmt.relation)];
  if ('CreateTableAsStmt' in node) return [relationName(node.CreateTableAsStmt.into?.rel)];
  if (!('AlterTableStmt' in node)) return [];
  const table = relationName(node.AlterTableStmt.relation);
  return (node.AlterTableStmt.cmds ?? []).flatMap((command) => {
    const added = 'AlterTableCmd' in command && command.AlterTableCmd.subtype === 'AT_AddColumn' ? command.AlterTableCmd.def : undefined;
    return added && 'ColumnDef' in added ? [`${table}.${added.ColumnDef.colname ?? ''}`] : [];
  });
}
