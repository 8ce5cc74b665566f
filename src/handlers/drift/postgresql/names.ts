/** Names as SQL writes them. */
import { scanSync, type Node, type RangeVar, type TypeName } from 'libpg-query';
import { names } from '../../migration/script/postgresql/tree.js';

/** Quoted only where it must be. The grammar must be loaded. */
export function quoted(name: string): string {
  if (/^[a-z_][a-z0-9_$]*$/.test(name) && (scanSync(name).tokens[0]?.keywordKind ?? 0) <= UNRESERVED) return name;
  return `"${name.replaceAll('"', '""')}"`;
}

/** Of `keywordKind`: 0 none, 1 unreserved; the others mean something where a name may stand. */
const UNRESERVED = 1;

export const dotted = (parts: readonly string[]) => parts.map(quoted).join('.');

export const relation = (range: RangeVar | undefined) => dotted([range?.schemaname, range?.relname].filter((part): part is string => part !== undefined));

/** `public.mood`, `integer[]` as the grammar names it: `int4[]`. */
export function typeText(type: TypeName | undefined): string {
  const parts = names(type?.names);
  const name = dotted(parts[0] === 'pg_catalog' ? parts.slice(1) : parts);
  return name + '[]'.repeat(type?.arrayBounds?.length ?? 0);
}

/** The arguments that tell functions of one name apart. */
export function signature(parameters: readonly Node[] | undefined): string {
  const types = (parameters ?? []).flatMap((node) => {
    if (!('FunctionParameter' in node)) return [];
    const { mode, argType } = node.FunctionParameter;
    return mode === 'FUNC_PARAM_OUT' || mode === 'FUNC_PARAM_TABLE' ? [] : [typeText(argType)];
  });
  return `(${types.join(', ')})`;
}
