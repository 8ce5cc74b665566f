/** What a statement that no transaction can hold left behind, told by looking at the database. */
import type { Node } from 'libpg-query';
import type { Session } from '../../../database/contract.js';
import type { Script } from '../../script/postgresql/parse.js';
import { names } from '../../script/postgresql/tree.js';
import { quotedName, quotedRelation } from '../../script/postgresql/quoted-name.js';

export type Looked =
  /** Its effect is there. */
  | { state: 'done' }
  /** Nothing of it is there, or running it again does no harm. `invalid`: indexes left over by a failed build of this script. */
  | { state: 'nothing'; invalid: string[] }
  /** Only a person can tell. */
  | { state: 'unknown'; reason: string };

const NOTHING: Looked = { state: 'nothing', invalid: [] };

/** @param session must have the search_path that the script runs with. */
export async function look(session: Session, script: Script): Promise<Looked> {
  const [statement, ...more] = script.statements;
  if (!statement || more.length > 0) return { state: 'unknown', reason: 'the script commits by itself, statement by statement' };
  const { node } = statement;
  if ('IndexStmt' in node) return lookForIndex(session, node.IndexStmt);
  if ('DropStmt' in node) return lookForDroppedIndex(session, node.DropStmt.objects?.[0]);
  if ('CreatedbStmt' in node) return (await databaseExists(session, node.CreatedbStmt.dbname)) ? { state: 'done' } : NOTHING;
  if ('DropdbStmt' in node) return (await databaseExists(session, node.DropdbStmt.dbname)) ? NOTHING : { state: 'done' };
  if ('VacuumStmt' in node || 'ReindexStmt' in node || 'ClusterStmt' in node || 'AlterSystemStmt' in node || 'DiscardStmt' in node) return NOTHING;
  return { state: 'unknown', reason: 'its effect cannot be told by looking' };
}

type IndexStatement = Extract<Node, { IndexStmt: unknown }>['IndexStmt'];

/** An index lies in the schema of its table, so it is found through the table. */
async function lookForIndex(session: Session, index: IndexStatement): Promise<Looked> {
  if (!index.idxname) return { state: 'unknown', reason: 'the index has no name in the script' };
  const [found] = await session.query<{ valid: boolean; name: string }>(
    `SELECT i.indisvalid AS valid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_catalog.pg_index i
       JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE i.indrelid = pg_catalog.to_regclass($1) AND c.relname = $2`,
    [quotedRelation(index.relation), index.idxname],
  );
  if (!found) return NOTHING;
  return found.valid ? { state: 'done' } : { state: 'nothing', invalid: [found.name] };
}

async function lookForDroppedIndex(session: Session, object: Node | undefined): Promise<Looked> {
  const name = object && 'List' in object ? names(object.List.items) : [];
  const [found] = await session.query<{ there: boolean }>('SELECT pg_catalog.to_regclass($1) IS NOT NULL AS there', [quotedName(name)]);
  return found?.there ? NOTHING : { state: 'done' };
}

async function databaseExists(session: Session, name: string | undefined): Promise<boolean> {
  return (await session.query('SELECT FROM pg_catalog.pg_database WHERE datname = $1', [name])).length > 0;
}
