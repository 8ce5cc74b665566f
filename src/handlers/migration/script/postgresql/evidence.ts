/** Which objects of a script are there already: evidence for settling a failed row of another runner. */
import type { Node } from 'libpg-query';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../../database/contract.js';
import type { Migration } from '../../contract.js';
import { parseScript } from './parse.js';
import { names, relationName } from './tree.js';
import { quotedName, quotedRelation } from './quoted-name.js';

interface Made { what: string; sql: string; parameters: string[] }

/** One line an object that the script creates, by name; scripts that create nothing of a name give no line. */
export async function findObjects(database: DatabaseHandler, migration: Pick<Migration, 'up'>, target: ConnectionTarget): Promise<string[]> {
  const script = await parseScript(migration.up);
  const session = await database.connect(target, 'read evidence');
  try {
    const lines: string[] = [];
    for (const made of script.statements.flatMap(({ node }) => madeBy(node))) lines.push(`${made.what} ${(await isThere(session, made)) ? 'is there' : 'is not there'}`);
    return lines;
  } finally {
    await session.close();
  }
}

async function isThere(session: Session, { sql, parameters }: Made): Promise<boolean> {
  const [row] = await session.query<{ there: boolean }>(`SELECT (${sql}) AS there`, parameters);
  return row?.there === true;
}

const RELATION = 'pg_catalog.to_regclass($1) IS NOT NULL';
const TYPE = 'pg_catalog.to_regtype($1) IS NOT NULL';
const COLUMN = `EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass($1) AND attname = $2 AND NOT attisdropped)`;
const VALID_INDEX = `EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = pg_catalog.to_regclass($1) AND c.relname = $2 AND i.indisvalid)`;

function madeBy(node: Node): Made[] {
  if ('CreateStmt' in node) return [relation('table', node.CreateStmt.relation)];
  if ('ViewStmt' in node) return [relation('view', node.ViewStmt.view)];
  if ('CreateSeqStmt' in node) return [relation('sequence', node.CreateSeqStmt.sequence)];
  if ('CreateTableAsStmt' in node) return [relation('table', node.CreateTableAsStmt.into?.rel)];
  if ('CreateEnumStmt' in node) {
    const type = names(node.CreateEnumStmt.typeName);
    return [{ what: `type ${type.join('.')}`, sql: TYPE, parameters: [quotedName(type)] }];
  }
  if ('IndexStmt' in node && node.IndexStmt.idxname) {
    return [{ what: `valid index ${node.IndexStmt.idxname}`, sql: VALID_INDEX, parameters: [quotedRelation(node.IndexStmt.relation), node.IndexStmt.idxname] }];
  }
  if (!('AlterTableStmt' in node)) return [];
  const table = node.AlterTableStmt.relation;
  return (node.AlterTableStmt.cmds ?? []).flatMap((command) => {
    const added = 'AlterTableCmd' in command && command.AlterTableCmd.subtype === 'AT_AddColumn' ? command.AlterTableCmd.def : undefined;
    if (!added || !('ColumnDef' in added)) return [];
    const column = added.ColumnDef.colname ?? '';
    return [{ what: `column ${relationName(table)}.${column}`, sql: COLUMN, parameters: [quotedRelation(table), column] }];
  });
}

type Relation = Parameters<typeof relationName>[0];
const relation = (kind: string, table: Relation): Made => ({ what: `${kind} ${relationName(table)}`, sql: RELATION, parameters: [quotedRelation(table)] });
