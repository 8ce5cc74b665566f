/** Walking the grammar's syntax trees. */
import type { Node, RangeVar } from 'libpg-query';

/** Kind and body of a node: the tree wraps each node in an object with one key. */
export function unwrap(node: Node): { kind: string; body: Record<string, unknown> } {
  const [kind, body] = Object.entries(node)[0] as [string, Record<string, unknown>];
  return { kind, body };
}

/** Every object in the tree, the root first. */
export function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (Array.isArray(value)) {
    for (const item of value) yield* objectsIn(item);
  } else if (value !== null && typeof value === 'object') {
    yield value as Record<string, unknown>;
    for (const item of Object.values(value)) yield* objectsIn(item);
  }
}

/** Names in a list of String nodes. */
export function names(list: readonly Node[] | undefined): string[] {
  return (list ?? []).flatMap((node) => ('String' in node ? [node.String.sval ?? ''] : []));
}

/** `schema.table`, or `table` where the script names no schema. */
export function relationName(relation: RangeVar | undefined): string {
  if (!relation) return '';
  return relation.schemaname ? `${relation.schemaname}.${relation.relname}` : (relation.relname ?? '');
}

/** Whether an option (`WITH (x)`, `(CONCURRENTLY)`) is on. */
export function optionOn(options: readonly Node[] | undefined, name: string): boolean {
  return (options ?? []).some((node) => {
    if (!('DefElem' in node) || node.DefElem.defname !== name) return false;
    const value = node.DefElem.arg;
    if (!value) return true;
    const text = 'String' in value ? value.String.sval : 'Boolean' in value ? String(value.Boolean.boolval ?? false) : '1';
    return !/^(false|off|0)$/i.test(text ?? '');
  });
}
