/** Whether a transaction can hold a script, and how it is sent then. */
import { scanSync, type Node } from 'libpg-query';
import type { TransactionClass } from '../../../../contract/plan.js';
import type { Script, Statement } from './parse.js';
import { optionOn, unwrap } from './tree.js';

export interface TransactionPlan {
  transaction: TransactionClass;
  /** The script as it is sent; a pair of BEGIN and COMMIT around everything is blanked out, positions kept. */
  text: string;
  /** Statements that PostgreSQL will refuse where they stand, with the SQLSTATE it will give. */
  refused: { statement: Statement; sqlState: '25001' | '2D000'; what: string }[];
  /** The script ends or begins transactions itself, so it is not all or nothing. */
  ownTransactions: Statement[];
}

/** @param script must have been parsed; one with an error stays transactional, since the server will judge it as a whole. */
export function planTransaction(script: Script): TransactionPlan {
  const { statements, text } = script;
  const control = statements.filter(({ node }) => endsTransaction(node));
  const wrapped = isWrapped(statements, control);
  const inner = wrapped ? statements.slice(1, -1) : statements;
  const alone = inner.length === 1 && !wrapped;
  const refused: TransactionPlan['refused'] = [];
  let transaction: TransactionClass = control.length > 0 && !wrapped ? 'standalone' : 'transactional';
  for (const statement of inner) {
    const what = refusesTransaction(statement.node);
    const commits = mayCommit(statement.node);
    if (alone && (what || commits)) transaction = 'standalone';
    else if (what) refused.push({ statement, sqlState: '25001', what });
    else if (commits === 'DO') refused.push({ statement, sqlState: '2D000', what: 'a DO block with COMMIT or ROLLBACK' });
  }
  return { transaction, text: wrapped ? blank(text, control) : text, refused, ownTransactions: wrapped ? [] : control };
}

/** Exactly BEGIN; …; COMMIT;, without options that would make it another transaction than ours. */
function isWrapped(statements: readonly Statement[], control: readonly Statement[]): boolean {
  const [first, last] = [statements[0], statements.at(-1)];
  if (control.length !== 2 || control[0] !== first || control[1] !== last) return false;
  const begin = transactionOf(first?.node);
  const commit = transactionOf(last?.node);
  return (begin?.kind === 'TRANS_STMT_BEGIN' || begin?.kind === 'TRANS_STMT_START') && !begin.options?.length
    && commit?.kind === 'TRANS_STMT_COMMIT' && !commit.chain;
}

function transactionOf(node: Node | undefined) {
  return node && 'TransactionStmt' in node ? node.TransactionStmt : undefined;
}

const SAVEPOINTS = new Set(['TRANS_STMT_SAVEPOINT', 'TRANS_STMT_RELEASE', 'TRANS_STMT_ROLLBACK_TO']);

function endsTransaction(node: Node): boolean {
  const statement = transactionOf(node);
  return statement !== undefined && !SAVEPOINTS.has(statement.kind ?? '');
}

/** The statements go, line breaks stay where they are, so that lines in errors fit the file. */
export function blank(text: string, statements: readonly Statement[]): string {
  let result = text;
  for (const { start, end } of statements) {
    result = result.slice(0, start) + result.slice(start, end).replace(/[^\r\n]/g, ' ') + result.slice(end);
  }
  return result;
}

/** What a statement is that PostgreSQL refuses inside a transaction block, else null. */
function refusesTransaction(node: Node): string | null {
  if ('IndexStmt' in node) return node.IndexStmt.concurrent ? 'CREATE INDEX CONCURRENTLY' : null;
  if ('DropStmt' in node) return node.DropStmt.concurrent ? 'DROP INDEX CONCURRENTLY' : null;
  if ('ReindexStmt' in node) {
    if (optionOn(node.ReindexStmt.params, 'concurrently')) return 'REINDEX CONCURRENTLY';
    return /SCHEMA|SYSTEM|DATABASE/.test(node.ReindexStmt.kind ?? '') ? 'REINDEX of a schema or database' : null;
  }
  if ('VacuumStmt' in node) return node.VacuumStmt.is_vacuumcmd ? 'VACUUM' : null;
  if ('ClusterStmt' in node) return node.ClusterStmt.relation ? null : 'CLUSTER of all tables';
  if ('DiscardStmt' in node) return node.DiscardStmt.target === 'DISCARD_ALL' ? 'DISCARD ALL' : null;
  if ('AlterDatabaseStmt' in node) return optionOn(node.AlterDatabaseStmt.options, 'tablespace') ? 'ALTER DATABASE SET TABLESPACE' : null;
  if ('AlterTableStmt' in node) return detachesConcurrently(node) ? 'DETACH PARTITION CONCURRENTLY' : null;
  return NEVER_IN_TRANSACTION[unwrap(node).kind] ?? null;
}

const NEVER_IN_TRANSACTION: Record<string, string> = {
  AlterSystemStmt: 'ALTER SYSTEM',
  CreatedbStmt: 'CREATE DATABASE',
  DropdbStmt: 'DROP DATABASE',
  CreateTableSpaceStmt: 'CREATE TABLESPACE',
  DropTableSpaceStmt: 'DROP TABLESPACE',
  CreateSubscriptionStmt: 'CREATE SUBSCRIPTION',
  DropSubscriptionStmt: 'DROP SUBSCRIPTION',
};

function detachesConcurrently(node: Extract<Node, { AlterTableStmt: unknown }>): boolean {
  return (node.AlterTableStmt.cmds ?? []).some((command) => {
    const def = 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
    return def !== undefined && 'PartitionCmd' in def && def.PartitionCmd.concurrent === true;
  });
}

/**
 * A DO block whose code has COMMIT, ROLLBACK or CALL, and every CALL: what a procedure does is not in the script.
 * Such a statement works alone only, outside a transaction block.
 */
function mayCommit(node: Node): 'DO' | 'CALL' | null {
  if ('CallStmt' in node) return 'CALL';
  if (!('DoStmt' in node)) return null;
  return doBodyWords(node).some((word) => word === 'COMMIT' || word === 'ROLLBACK' || word === 'CALL') ? 'DO' : null;
}

/** Words of the block outside comments and strings, upper case. Code that cannot be scanned (another language) is split at non-letters. */
function doBodyWords(node: Extract<Node, { DoStmt: unknown }>): string[] {
  const code = doBody(node);
  try {
    return scanSync(code).tokens.flatMap((token) => (token.keywordKind > 0 ? [token.text.toUpperCase()] : []));
  } catch {
    return code.toUpperCase().split(/[^A-Z]+/);
  }
}

/** The code of a DO block. */
export function doBody(node: Extract<Node, { DoStmt: unknown }>): string {
  for (const argument of node.DoStmt.args ?? []) {
    if ('DefElem' in argument && argument.DefElem.defname === 'as' && argument.DefElem.arg && 'String' in argument.DefElem.arg) {
      return argument.DefElem.arg.String.sval ?? '';
    }
  }
  return '';
}
