/**
 * Statements whose effect is not in the database that they run in: roles, databases, the server, other servers. A script that is
 * run once more in a scratch database must not run them again: an old `ALTER ROLE … PASSWORD` would take an application down.
 */
import type { Node } from 'libpg-query';
import type { Script, Statement } from './parse.js';
import { doBody } from './transaction.js';
import { names, objectsIn, unwrap } from './tree.js';

const KINDS: Record<string, string> = {
  CreateRoleStmt: 'CREATE ROLE', AlterRoleStmt: 'ALTER ROLE', AlterRoleSetStmt: 'ALTER ROLE SET', DropRoleStmt: 'DROP ROLE', GrantRoleStmt: 'GRANT of a role',
  CreatedbStmt: 'CREATE DATABASE', DropdbStmt: 'DROP DATABASE', AlterDatabaseStmt: 'ALTER DATABASE', AlterDatabaseSetStmt: 'ALTER DATABASE SET', AlterDatabaseRefreshCollStmt: 'ALTER DATABASE',
  CreateTableSpaceStmt: 'CREATE TABLESPACE', DropTableSpaceStmt: 'DROP TABLESPACE', AlterTableSpaceOptionsStmt: 'ALTER TABLESPACE', AlterSystemStmt: 'ALTER SYSTEM',
  CreateSubscriptionStmt: 'CREATE SUBSCRIPTION', AlterSubscriptionStmt: 'ALTER SUBSCRIPTION', DropSubscriptionStmt: 'DROP SUBSCRIPTION',
  ReassignOwnedStmt: 'REASSIGN OWNED', DropOwnedStmt: 'DROP OWNED', CheckPointStmt: 'CHECKPOINT',
};

/** Objects that all databases of a server share, where a general statement (GRANT, COMMENT, RENAME …) is about one. */
const SHARED = new Set(['OBJECT_DATABASE', 'OBJECT_ROLE', 'OBJECT_TABLESPACE', 'OBJECT_SUBSCRIPTION', 'OBJECT_PARAMETER_ACL']);

/** Code as text: of a block, whose dynamic SQL stands in strings. Too much is better than too little here. */
const IN_CODE = /\b(?:create|alter|drop)\s+(?:role|group|user(?!\s+mapping)|database|tablespace|system|subscription)\b|\bon\s+database\b|\b(?:reassign|drop)\s+owned\b|\b(?:to|from)\s+program\b|\bdblink/i;
const FUNCTIONS = /^(?:dblink\w*|http(?:_\w+)?|lo_export|pg_(?:terminate|cancel)_backend|pg_reload_conf|pg_switch_wal|pg_promote|pg_(?:create|drop|copy)_\w*replication_slot)$/;
const SCHEMAS = new Set(['cron', 'aws_lambda', 'aws_s3', 'net', 'pgmq_remote']);

/**
 * What scripts that ran before have defined: functions whose code reaches outside, and foreign tables, whose rows are another
 * server's (`schema.*`: every table of a schema that was imported).
 */
export type OutsideFunctions = Set<string>;

/** Statements that write, or read, rows. */
const DATA = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'TruncateStmt', 'CopyStmt', 'SelectStmt']);

/**
 * The statements of a script that reach outside, each with what it is. Functions that the script defines are remembered in
 * `functions`, so that a later call of one counts too.
 */
export function statementsOutside(script: Script, functions: OutsideFunctions): { statement: Statement; what: string }[] {
  const found: { statement: Statement; what: string }[] = [];
  for (const statement of script.statements) {
    const what = reachesOutside(statement.node, functions);
    if (what !== null) found.push({ statement, what });
    remember(statement.node, functions);
  }
  return found;
}

function reachesOutside(node: Node, functions: OutsideFunctions): string | null {
  const { kind, body } = unwrap(node);
  if (KINDS[kind]) return KINDS[kind];
  const about = [body['objtype'], body['objectType'], body['renameType']].find((type): type is string => typeof type === 'string' && SHARED.has(type));
  if (about !== undefined) return `a statement about a ${about.slice('OBJECT_'.length).toLowerCase().replaceAll('_', ' ')}`;
  if ('CopyStmt' in node && (node.CopyStmt.is_program || node.CopyStmt.filename)) return 'COPY with a file or program of the server';
  if ('DoStmt' in node) {
    const code = doBody(node);
    return IN_CODE.test(code) || mentions(code, functions) ? 'a DO block that deals with roles, databases or other servers' : null;
  }
  // What a definition holds does not run; but a table made of a query runs it.
  if ((kind.startsWith('Create') && kind !== 'CreateTableAsStmt') || kind === 'ViewStmt' || kind === 'RuleStmt') return null;
  return calledOutside(node, functions) ?? (DATA.has(kind) ? foreignRows(node, functions) : null);
}

function calledOutside(node: Node, functions: OutsideFunctions): string | null {
  for (const object of objectsIn(node)) {
    const called = names((object['FuncCall'] as { funcname?: Node[] } | undefined)?.funcname ?? (object['funccall'] as { funcname?: Node[] } | undefined)?.funcname);
    const name = called.at(-1);
    if (name === undefined) continue;
    if (FUNCTIONS.test(name) || functions.has(name) || (called.length > 1 && SCHEMAS.has(called[0]!))) return `a call of ${called.join('.')}`;
  }
  return null;
}

/** A scratch database has the same foreign servers, and writing through them would change those once more. */
function foreignRows(node: Node, functions: OutsideFunctions): string | null {
  for (const { relname, schemaname } of objectsIn(node)) {
    if (typeof relname !== 'string') continue;
    if (functions.has(relname) || (typeof schemaname === 'string' && functions.has(`${schemaname}.*`)) || (schemaname === undefined && functions.has('public.*'))) return `rows of the foreign table ${relname}`;
  }
  return null;
}

const mentions = (code: string, outside: OutsideFunctions): boolean => [...outside].some((name) => code.includes(name.replace(/\*$/, '')));

function remember(node: Node, functions: OutsideFunctions): void {
  const foreign = 'CreateForeignTableStmt' in node ? node.CreateForeignTableStmt.base?.relation?.relname : undefined;
  if (foreign) functions.add(foreign);
  const imported = 'ImportForeignSchemaStmt' in node ? node.ImportForeignSchemaStmt.local_schema : undefined;
  if (imported) functions.add(`${imported}.*`);
  if (!('CreateFunctionStmt' in node)) return;
  const name = names(node.CreateFunctionStmt.funcname).at(-1);
  const code = JSON.stringify(node.CreateFunctionStmt.options ?? []).replaceAll('\\n', ' ').replaceAll('\\t', ' ');
  if (name !== undefined && (IN_CODE.test(code) || mentions(code, functions))) functions.add(name);
}
