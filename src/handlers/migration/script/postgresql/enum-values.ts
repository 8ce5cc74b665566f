/** Enum values that a script adds and uses before it is committed: SQLSTATE 55P04. */
import type { Statement } from './parse.js';
import { doBody } from './transaction.js';
import { names, objectsIn } from './tree.js';

/** A value of a type that the script creates itself may be used at once, so such types are left out. */
export function enumValuesUsedTooEarly(statements: readonly Statement[]): { line: number; type: string }[] {
  /** Value → its type; the value itself is not told, since it is a literal. */
  const added = new Map<string, string>();
  const created = new Set<string>();
  const found: { line: number; type: string }[] = [];
  for (const { node, line } of statements) {
    if ('CreateEnumStmt' in node) created.add(names(node.CreateEnumStmt.typeName).at(-1) ?? '');
    if ('AlterEnumStmt' in node) {
      const { newVal, oldVal, typeName } = node.AlterEnumStmt;
      const type = names(typeName).at(-1) ?? '';
      if (newVal && !oldVal && !created.has(type)) added.set(newVal, type);
      continue;
    }
    if (added.size === 0) continue;
    const literals = new Set(literalsIn(node));
    for (const [value, type] of added) {
      const inBlock = 'DoStmt' in node && doBody(node).includes(`'${value}'`);
      if (literals.has(value) || inBlock) found.push({ line, type });
    }
  }
  return found;
}

function* literalsIn(node: unknown): Generator<string> {
  for (const object of objectsIn(node)) {
    const text = (object.A_Const as { sval?: { sval?: string } } | undefined)?.sval?.sval;
    if (text !== undefined) yield text;
  }
}
