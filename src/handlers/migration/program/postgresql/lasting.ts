/** Which statements stay when a program that no transaction held was broken off. */
import type { Node } from 'libpg-query';
import { parseNow, parseScript } from '../../script/postgresql/parse.js';
import { objectsIn } from '../../script/postgresql/tree.js';
import type { ProgramSystem } from '../system.js';

type Sent = Parameters<ProgramSystem['lasting']>[0][number];

const BEGINS = new Set(['TRANS_STMT_BEGIN', 'TRANS_STMT_START']);
const ENDS = new Set(['TRANS_STMT_COMMIT', 'TRANS_STMT_ROLLBACK', 'TRANS_STMT_PREPARE']);

/**
 * What a transaction of the program's own held is gone unless its COMMIT was sent; one that was sent and not answered counts as done. What
 * only reads changes nothing.
 */
export async function lasting(statements: readonly Sent[]): Promise<Sent[]> {
  await parseScript(new Uint8Array());
  const open = new Map<number, Sent[]>();
  const stay: Sent[] = [];
  for (const sent of statements) {
    const { statements: parts, error } = parseNow(sent.sql);
    const controls = parts.map(({ node }) => ('TransactionStmt' in node ? (node.TransactionStmt.kind ?? '') : null));
    if (controls.some((kind) => BEGINS.has(kind ?? ''))) open.set(sent.connection, open.get(sent.connection) ?? []);
    const end = controls.find((kind) => ENDS.has(kind ?? ''));
    const held = open.get(sent.connection);
    if (sent.state !== 'failed' && (error || parts.some(({ node }) => changes(node)))) (held ?? stay).push(sent);
    if (end === undefined || held === undefined) continue;
    open.delete(sent.connection);
    if (end !== 'TRANS_STMT_ROLLBACK' && sent.state !== 'failed') stay.push(...held);
  }
  return stay;
}

const HARMLESS = new Set(['TransactionStmt', 'VariableSetStmt', 'VariableShowStmt', 'ExplainStmt', 'ListenStmt', 'UnlistenStmt', 'DiscardStmt', 'LockStmt', 'ConstraintsSetStmt', 'PrepareStmt', 'DeallocateStmt']);

/** A query that calls a function may change anything, but for those that every catalog query uses. */
function changes(node: Node): boolean {
  const [kind] = Object.keys(node);
  if (HARMLESS.has(kind ?? '')) return false;
  if (kind !== 'SelectStmt') return true;
  for (const object of objectsIn(node)) {
    if ('InsertStmt' in object || 'UpdateStmt' in object || 'DeleteStmt' in object || 'MergeStmt' in object || 'intoClause' in object) return true;
    const called = (object['FuncCall'] as { funcname?: Node[] } | undefined)?.funcname?.at(-1);
    if (called && 'String' in called && !READING.test(called.String.sval ?? '')) return true;
  }
  return false;
}

const READING = /^(?:count|sum|min|max|avg|coalesce|lower|upper|now|version|current_\w+|array_\w+|string_agg|json_?\w*|pg_get_\w+|to_\w+|format_type|has_\w+|pg_\w*_is_visible|obj_description|col_description|unnest|generate_series|length|concat\w*|row_number|pg_sleep)$/;
