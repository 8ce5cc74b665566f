/** What a statement changes, as far as its head tells. Everything that is not known for certain is `other`. */
import { keyword, nameOf, type Token } from '../../../database/mysql/tokens.js';
import { alterActions, type AlterAction } from './alter-actions.js';
import { qualifiedName, type QualifiedName, type Statement } from './statements.js';

export type CodeKind = 'view' | 'trigger' | 'procedure' | 'function' | 'event';

export type Change =
  | { kind: 'create_table'; table: QualifiedName; temporary: boolean; ifNotExists: boolean; filled: boolean }
  | { kind: 'drop_tables'; tables: QualifiedName[]; temporary: boolean; ifExists: boolean }
  | { kind: 'alter_table'; table: QualifiedName; actions: AlterAction[] }
  | { kind: 'create_index'; table: QualifiedName; index: string; unique: boolean }
  | { kind: 'drop_index'; table: QualifiedName; index: string }
  | { kind: 'rename_tables'; pairs: [from: QualifiedName, to: QualifiedName][] }
  | { kind: 'create_code'; of: CodeKind; name: QualifiedName; replaces: boolean; ifNotExists: boolean }
  | { kind: 'drop_code'; of: CodeKind; name: QualifiedName }
  | { kind: 'truncate'; table: QualifiedName }
  /** A change of rows that a transaction can hold. */
  | { kind: 'rows'; verb: 'INSERT' | 'REPLACE' | 'UPDATE' | 'DELETE'; table: QualifiedName | null; where: boolean; onDuplicate: boolean; columns: string[] }
  /** Changes nothing that stays. */
  | { kind: 'reads' }
  /** Said for nothing: the script runs in a transaction of ours. It is not sent. */
  | { kind: 'nothing' }
  | { kind: 'sets'; plain: boolean; names: string[] }
  /** BEGIN, COMMIT, LOCK TABLES: the script has transactions of its own. */
  | { kind: 'transaction'; verb: string }
  | { kind: 'use'; database: string }
  /** Reaches beyond the database: users, other databases, the server. */
  | { kind: 'outside'; what: string }
  | { kind: 'other'; what: string };

const CODE: Record<string, CodeKind> = { VIEW: 'view', TRIGGER: 'trigger', PROCEDURE: 'procedure', FUNCTION: 'function', EVENT: 'event' };
const OUTSIDE_OBJECTS = new Set(['DATABASE', 'SCHEMA', 'USER', 'ROLE', 'SERVER', 'TABLESPACE', 'LOGFILE', 'INSTANCE', 'RESOURCE', 'SPATIAL_REFERENCE']);
const OUTSIDE_VERBS = new Set(['GRANT', 'REVOKE', 'FLUSH', 'KILL', 'INSTALL', 'UNINSTALL', 'RESET', 'PURGE', 'CHANGE', 'SHUTDOWN', 'LOAD', 'HANDLER', 'STOP', 'BINLOG', 'CLONE', 'RESTART', 'BACKUP', 'IMPORT']);

/** Pure. */
export function changeOf({ tokens }: Statement): Change {
  const verb = keyword(tokens[0]);
  const other: Change = { kind: 'other', what: [verb, keyword(tokens[1])].filter(Boolean).join(' ') || 'a statement' };
  if (verb === '') return tokens[0]?.text === '(' ? { kind: 'reads' } : other;
  switch (verb) {
    case 'CREATE':
      return createOf(tokens) ?? other;
    case 'DROP':
      return dropOf(tokens) ?? other;
    case 'ALTER':
      return alterOf(tokens) ?? other;
    case 'RENAME':
      return renameOf(tokens) ?? other;
    case 'TRUNCATE': {
      const table = qualifiedName(tokens, keyword(tokens[1]) === 'TABLE' ? 2 : 1);
      return table ? { kind: 'truncate', table: table.name } : other;
    }
    case 'INSERT':
    case 'REPLACE':
    case 'UPDATE':
    case 'DELETE':
      return rowsOf(verb, tokens);
    case 'WITH':
      return tokens.some((token) => ['UPDATE', 'DELETE', 'INSERT', 'REPLACE'].includes(keyword(token))) ? { kind: 'rows', verb: 'DELETE', table: null, where: true, onDuplicate: false, columns: [] } : { kind: 'reads' };
    case 'SELECT':
      return tokens.some((token) => keyword(token) === 'OUTFILE' || keyword(token) === 'DUMPFILE') ? { kind: 'outside', what: 'SELECT … INTO OUTFILE writes a file on the server' } : { kind: 'reads' };
    case 'SHOW': case 'DESCRIBE': case 'DESC': case 'EXPLAIN': case 'VALUES': case 'TABLE': case 'DO':
      return { kind: 'reads' };
    case 'SET':
      return setOf(tokens);
    case 'USE':
      return { kind: 'use', database: nameOf(tokens[1]) ?? '' };
    case 'BEGIN': case 'START': case 'COMMIT': case 'ROLLBACK': case 'SAVEPOINT': case 'RELEASE': case 'XA': case 'LOCK': case 'UNLOCK':
      return verb === 'BEGIN' && keyword(tokens[1]) === 'NOT' ? other : { kind: 'transaction', verb };
    default:
      return OUTSIDE_VERBS.has(verb) ? { kind: 'outside', what: other.what } : other;
  }
}

/** Past words such as `OR REPLACE`, `DEFINER = x@y`, to the object's kind. */
function createOf(tokens: readonly Token[]): Change | null {
  const head = tokens.slice(0, 24).map(keyword);
  const replaces = head[1] === 'OR' && head[2] === 'REPLACE';
  const at = head.findIndex((word, index) => index > 0 && (word === 'TABLE' || word === 'INDEX' || word in CODE || OUTSIDE_OBJECTS.has(word)));
  if (at < 0) return null;
  const object = head[at]!;
  if (OUTSIDE_OBJECTS.has(object)) return { kind: 'outside', what: `CREATE ${object}` };
  const conditional = head[at + 1] === 'IF' ? 3 : 0;
  const name = qualifiedName(tokens, at + 1 + conditional);
  if (!name) return null;
  if (object === 'TABLE') {
    const rest = tokens.slice(name.next).map(keyword);
    if (replaces) return null;
    return { kind: 'create_table', table: name.name, temporary: head.slice(0, at).includes('TEMPORARY'), ifNotExists: conditional > 0, filled: rest.includes('SELECT') };
  }
  if (object === 'INDEX') {
    let on = name.next;
    while (on < tokens.length && keyword(tokens[on]) !== 'ON') on += 1;
    const table = qualifiedName(tokens, on + 1);
    return table && !replaces && conditional === 0 ? { kind: 'create_index', table: table.name, index: name.name.name, unique: head.slice(0, at).includes('UNIQUE') } : null;
  }
  return { kind: 'create_code', of: CODE[object]!, name: name.name, replaces, ifNotExists: conditional > 0 };
}

function dropOf(tokens: readonly Token[]): Change | null {
  const at = keyword(tokens[1]) === 'TEMPORARY' ? 2 : 1;
  const object = keyword(tokens[at]);
  if (OUTSIDE_OBJECTS.has(object)) return { kind: 'outside', what: `DROP ${object}` };
  const conditional = keyword(tokens[at + 1]) === 'IF' ? 2 : 0;
  const first = qualifiedName(tokens, at + 1 + conditional);
  if (!first) return null;
  if (object === 'INDEX') {
    const table = keyword(tokens[first.next]) === 'ON' ? qualifiedName(tokens, first.next + 1) : null;
    return table && conditional === 0 ? { kind: 'drop_index', table: table.name, index: first.name.name } : null;
  }
  const names = namesFrom(tokens, at + 1 + conditional);
  if (object === 'TABLE' || object === 'TABLES') return { kind: 'drop_tables', tables: names, temporary: at === 2, ifExists: conditional > 0 };
  return object in CODE && names.length === 1 ? { kind: 'drop_code', of: CODE[object]!, name: first.name } : null;
}

function namesFrom(tokens: readonly Token[], from: number): QualifiedName[] {
  const names: QualifiedName[] = [];
  for (let read = qualifiedName(tokens, from); read; read = tokens[read.next]?.text === ',' ? qualifiedName(tokens, read.next + 1) : null) names.push(read.name);
  return names;
}

function alterOf(tokens: readonly Token[]): Change | null {
  const at = ['ONLINE', 'IGNORE'].includes(keyword(tokens[1])) ? 2 : 1;
  const object = keyword(tokens[at]);
  if (OUTSIDE_OBJECTS.has(object)) return { kind: 'outside', what: `ALTER ${object}` };
  const table = object === 'TABLE' && keyword(tokens[at + 1]) !== 'IF' && at === 1 ? qualifiedName(tokens, at + 1) : null;
  return table && { kind: 'alter_table', table: table.name, actions: alterActions(tokens.slice(table.next)) };
}

function renameOf(tokens: readonly Token[]): Change | null {
  if (keyword(tokens[1]) === 'USER') return { kind: 'outside', what: 'RENAME USER' };
  const pairs: [QualifiedName, QualifiedName][] = [];
  for (let at = 2; at < tokens.length; at += 1) {
    const from = qualifiedName(tokens, at);
    const to = from && keyword(tokens[from.next]) === 'TO' ? qualifiedName(tokens, from.next + 1) : null;
    if (!from || !to || (tokens[to.next] && tokens[to.next]!.text !== ',')) return null;
    pairs.push([from.name, to.name]);
    at = to.next;
  }
  return pairs.length > 0 ? { kind: 'rename_tables', pairs } : null;
}

function rowsOf(verb: 'INSERT' | 'REPLACE' | 'UPDATE' | 'DELETE', tokens: readonly Token[]): Change {
  let at = 1;
  while (['LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE', 'QUICK', 'INTO', 'FROM'].includes(keyword(tokens[at]))) at += 1;
  const table = qualifiedName(tokens, at);
  const words = tokens.map(keyword);
  // Several tables at once: which one is changed is not told by the head.
  const several = verb === 'UPDATE' || verb === 'DELETE' ? words.includes('JOIN') || words.includes('USING') || tokens[table?.next ?? 0]?.text === ',' : false;
  return {
    kind: 'rows', verb, table: several ? null : (table?.name ?? null), where: words.includes('WHERE') || words.includes('LIMIT'),
    onDuplicate: words.some((word, index) => word === 'DUPLICATE' && words[index + 1] === 'KEY'), columns: verb === 'UPDATE' ? setColumns(tokens) : [],
  };
}

/** Columns that an UPDATE sets: words right before a `=` at the top level between SET and WHERE. */
function setColumns(tokens: readonly Token[]): string[] {
  const columns: string[] = [];
  let depth = 0;
  let expects = false;
  for (const [at, token] of tokens.entries()) {
    if (depth === 0 && keyword(token) === 'WHERE') break;
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    if (depth === 0 && (keyword(token) === 'SET' || token.text === ',')) expects = columns.length > 0 || keyword(token) === 'SET';
    else if (expects && token.text === '=') {
      columns.push(nameOf(tokens[at - 1]) ?? '');
      expects = false;
    }
  }
  return columns;
}

/** Plain: settings of the session alone, to constants or to variables that the same script has set; they can be said again. */
function setOf(tokens: readonly Token[]): Change {
  const words = tokens.map(keyword);
  if (words.some((word) => ['GLOBAL', 'PERSIST', 'PERSIST_ONLY', 'PASSWORD'].includes(word)) || tokens.some(({ text }) => /^@@(GLOBAL|PERSIST)/i.test(text)) || (['DEFAULT', 'ROLE'].includes(words[1] ?? '') && words[1] !== '')) {
    return { kind: 'outside', what: 'SET of the server or of a role' };
  }
  const names = tokens.flatMap((token, at) => (tokens[at + 1]?.text === '=' || (tokens[at + 1]?.text === ':' && tokens[at + 2]?.text === '=') ? [token.text.replace(/^@@(SESSION\.|LOCAL\.)?/i, '').toLowerCase()] : []));
  if (names.includes('autocommit')) return { kind: 'transaction', verb: 'SET' };
  return { kind: 'sets', plain: !tokens.some(({ text }) => text === '('), names };
}
