/** A dump of a schema, statement by statement, as the real grammar reads it. */
import type { Node } from 'libpg-query';
import { FaberError } from '../../../contract/failure.js';
import { parseScript, type Script } from '../../migration/script/postgresql/parse.js';
import { names, unwrap } from '../../migration/script/postgresql/tree.js';
import { identify, type Identified } from './identify.js';
import { dotted } from './names.js';

export interface SchemaStatement extends Identified {
  node: Node;
  /** What must be alike for two objects to be alike: the syntax tree, without places and layout. */
  canonical: string;
  /** As pg_dump wrote it, without comments and without the semicolon. */
  sql: string;
}

/** Settings of the session that loads a dump, and what is no schema. */
const NO_SCHEMA = new Set(['VariableSetStmt', 'SelectStmt', 'CommentStmt', 'GrantStmt', 'AlterOwnerStmt', 'AlterDefaultPrivilegesStmt', 'SecLabelStmt']);

/**
 * By object; statements that cannot be told from one another are one.
 * @throws FaberError unsupported for a dump of a server that is newer than the grammar
 */
export async function readSchema(dump: string): Promise<Map<string, SchemaStatement>> {
  const script = await parseDump(dump);
  if (script.error) throw new FaberError({ code: 'unsupported', message: `The schema as pg_dump writes it cannot be read (line ${script.error.line ?? 'unknown'}): the server may be newer than this release knows` });
  const found = new Map<string, SchemaStatement>();
  for (const { node, start, end } of script.statements) {
    if (NO_SCHEMA.has(unwrap(node).kind)) continue;
    const canonical = JSON.stringify(node, withoutPlaces);
    const sql = withoutComments(script.text.slice(start, end));
    const identified = identify(node) ?? { object: sql.replace(/\s+/g, ' '), of: null, drop: null, change: null };
    found.set(identified.object, { ...identified, node, canonical, sql });
  }
  foldSequences(found);
  return found;
}

/** Without the commands of psql that a dump begins and ends with since August 2025. */
export function parseDump(dump: string): Promise<Script> {
  return parseScript(Buffer.from(dump.replace(/^\\restrict .*$/m, '').replace(/^\\unrestrict .*$(?![\s\S]*^\\unrestrict )/m, '')));
}

/** A sequence of a serial column comes and goes with the column's table. */
function foldSequences(found: Map<string, SchemaStatement>): void {
  for (const { node } of found.values()) {
    if (!('AlterSeqStmt' in node)) continue;
    const owner = (node.AlterSeqStmt.options ?? []).flatMap((option) =>
      'DefElem' in option && option.DefElem.defname === 'owned_by' && option.DefElem.arg && 'List' in option.DefElem.arg ? [names(option.DefElem.arg.List.items)] : [],
    )[0];
    const identified = identify(node)!;
    const sequence = identified.object.replace('owner of ', '');
    const table = found.get(`table ${dotted(owner?.slice(0, -1) ?? [])}`);
    if (table === undefined) continue;
    for (const object of [sequence, identified.object]) {
      const statement = found.get(object);
      if (statement) found.set(object, { ...statement, of: table.object });
    }
  }
}

function withoutPlaces(key: string, value: unknown): unknown {
  return key === 'location' || key.endsWith('_location') || /^(?:r?expr_)?list_(?:start|end)$/.test(key) ? undefined : value;
}

function withoutComments(sql: string): string {
  return sql.replace(/^(?:\s|--[^\n]*(?:\n|$))+/, '').trimEnd();
}
