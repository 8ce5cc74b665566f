/** What a statement is, as far as it matters here. */
import { Reader } from './read.js';
import { is, isName, nameIn, type Token } from './tokens.js';

export type Kind =
  | { is: 'create table'; table: string; columns: string[]; temporary: boolean; asQuery: boolean; onlyIfMissing: boolean }
  | { is: 'create virtual table'; table: string }
  | { is: 'create index'; index: string; table: string; unique: boolean }
  | { is: 'create view'; view: string }
  | { is: 'create trigger'; trigger: string }
  | { is: 'drop'; what: 'table' | 'index' | 'view' | 'trigger'; name: string }
  | { is: 'rename table'; table: string; to: string }
  | { is: 'rename column'; table: string }
  | { is: 'add column'; table: string; column: string; notNull: boolean }
  | { is: 'drop column'; table: string; column: string }
  | { is: 'insert'; table: string; columns: string[] | null; /** The one table that all rows come from. */ from: string | null; selected: string[] | null; replaces: boolean }
  | { is: 'update'; table: string; columns: string[]; where: boolean }
  | { is: 'delete'; table: string; where: boolean }
  | { is: 'pragma'; name: string; value: string | null; schema: string | null }
  | { is: 'transaction'; word: 'BEGIN' | 'COMMIT' | 'ROLLBACK' }
  | { is: 'vacuum'; into: boolean }
  | { is: 'attach' | 'savepoint' | 'select' | 'other' };

export function kindOf(tokens: readonly Token[]): Kind {
  const read = new Reader(tokens);
  if (read.take('CREATE')) return created(read);
  if (read.take('DROP')) return dropped(read);
  if (read.take('ALTER', 'TABLE')) return altered(read);
  if (read.take('PRAGMA')) return pragma(read);
  if (read.take('VACUUM')) return { is: 'vacuum', into: tokens.some((token) => is(token, 'INTO')) };
  if (read.take('ATTACH') || read.take('DETACH')) return { is: 'attach' };
  if (read.take('SAVEPOINT') || read.take('RELEASE')) return { is: 'savepoint' };
  if (read.take('BEGIN')) return { is: 'transaction', word: 'BEGIN' };
  if (read.take('COMMIT') || read.take('END')) return { is: 'transaction', word: 'COMMIT' };
  if (read.take('ROLLBACK')) return tokens.some((token) => is(token, 'TO')) ? { is: 'savepoint' } : { is: 'transaction', word: 'ROLLBACK' };
  // Behind a WITH stands what it is for.
  if (read.take('WITH')) {
    for (; read.at < tokens.length; read.at += 1) {
      if (is(read.next, '(')) read.list();
      if (['INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'SELECT'].some((word) => is(read.next, word))) break;
    }
  }
  return written(read);
}

function created(read: Reader): Kind {
  const temporary = read.take('TEMP') || read.take('TEMPORARY');
  const unique = read.take('UNIQUE');
  const virtual = read.take('VIRTUAL');
  const what = ['TABLE', 'INDEX', 'VIEW', 'TRIGGER'].find((word) => read.take(word));
  const onlyIfMissing = read.take('IF', 'NOT', 'EXISTS');
  const name = read.name();
  if (what === undefined || name === null) return { is: 'other' };
  if (virtual) return { is: 'create virtual table', table: name };
  if (what === 'VIEW') return { is: 'create view', view: name };
  if (what === 'TRIGGER') return { is: 'create trigger', trigger: name };
  if (what === 'INDEX') return read.take('ON') ? { is: 'create index', index: name, table: read.name() ?? '', unique } : { is: 'other' };
  const asQuery = is(read.next, 'AS');
  return { is: 'create table', table: name, columns: columnsIn(read.list() ?? []), temporary, asQuery, onlyIfMissing };
}

/** Words that begin a constraint of the table and no column. */
const CONSTRAINTS = ['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN'];

function columnsIn(parts: readonly Token[][]): string[] {
  return parts.flatMap(([first]) => (first === undefined || !isName(first) || CONSTRAINTS.some((word) => is(first, word)) ? [] : [nameIn(first)]));
}

function dropped(read: Reader): Kind {
  const what = (['table', 'index', 'view', 'trigger'] as const).find((word) => read.take(word.toUpperCase()));
  read.take('IF', 'EXISTS');
  const name = read.name();
  return what === undefined || name === null ? { is: 'other' } : { is: 'drop', what, name };
}

function altered(read: Reader): Kind {
  const table = read.name();
  if (table === null) return { is: 'other' };
  if (read.take('RENAME', 'TO')) return { is: 'rename table', table, to: read.name() ?? '' };
  if (read.take('RENAME')) return { is: 'rename column', table };
  if (read.take('ADD')) {
    read.take('COLUMN');
    const column = read.name() ?? '';
    const rest = read.tokens.slice(read.at);
    const notNull = rest.some((token, index) => is(token, 'NOT') && is(rest[index + 1], 'NULL')) && !rest.some((token) => is(token, 'DEFAULT'));
    return { is: 'add column', table, column, notNull };
  }
  if (!read.take('DROP')) return { is: 'other' };
  read.take('COLUMN');
  return { is: 'drop column', table, column: read.name() ?? '' };
}

function pragma(read: Reader): Kind {
  const parts = (read.name() ?? '').split('.');
  const value = read.take('=') ? read.tokens.slice(read.at) : (read.list()?.flat() ?? null);
  return { is: 'pragma', name: parts.at(-1)!.toLowerCase(), schema: parts.length > 1 ? parts[0]! : null, value: value?.map(({ text }) => text.replaceAll(/['"]/g, '')).join('') ?? null };
}

function written(read: Reader): Kind {
  if (is(read.next, 'INSERT') || is(read.next, 'REPLACE')) return inserted(read);
  if (read.take('UPDATE')) {
    if (read.take('OR')) read.at += 1;
    const table = read.name() ?? '';
    read.upTo('SET');
    const columns = setColumns(read);
    return { is: 'update', table, columns, where: read.tokens.slice(read.at).some((token) => is(token, 'WHERE')) };
  }
  if (read.take('DELETE', 'FROM')) {
    const table = read.name() ?? '';
    return { is: 'delete', table, where: read.tokens.slice(read.at).some((token) => is(token, 'WHERE')) };
  }
  return is(read.next, 'SELECT') || is(read.next, 'VALUES') ? { is: 'select' } : { is: 'other' };
}

function setColumns(read: Reader): string[] {
  if (!read.take('SET')) return [];
  const columns: string[] = [];
  for (let expects = true; read.at < read.tokens.length && !is(read.next, 'WHERE') && !is(read.next, 'FROM'); ) {
    const list = is(read.next, '(') ? read.list() : null;
    if (list !== null) {
      if (expects) columns.push(...columnsIn(list));
      expects = false;
      continue;
    }
    if (expects && isName(read.next)) columns.push(nameIn(read.next));
    expects = is(read.next, ',');
    read.at += 1;
  }
  return columns;
}

function inserted(read: Reader): Kind {
  const replaces = read.tokens.slice(read.at).some((token, index, all) => is(token, 'REPLACE') && (index === 0 || is(all[index - 1], 'OR')))
    || read.tokens.some((token, index, all) => is(token, 'DO') && is(all[index + 1], 'UPDATE'));
  read.upTo('INTO');
  read.take('INTO');
  const table = read.name() ?? '';
  const columns = read.list()?.map((part) => nameIn(part[0]!)) ?? null;
  if (!read.take('SELECT')) return { is: 'insert', table, columns, from: null, selected: null, replaces };
  const selected = read.upTo('FROM');
  read.take('FROM');
  const from = read.name();
  // A WHERE, a join or a LIMIT: not all rows.
  const whole = from !== null && read.at === read.tokens.length;
  return { is: 'insert', table, columns, from: whole ? from : null, selected: plainColumns(selected), replaces };
}

/** Names of a select list of nothing but columns; null for one with `*` or expressions. `coalesce("a", …) AS "a"` is Prisma's way to fill NULLs. */
function plainColumns(tokens: readonly Token[]): string[] | null {
  const names: string[] = [];
  for (const part of new Reader([OPEN, ...tokens, CLOSE]).list() ?? []) {
    const column = part.length === 1 ? part[0] : coalesced(part);
    if (!isName(column) || column.kind === 'string') return null;
    names.push(nameIn(column));
  }
  return names;
}

function coalesced(part: readonly Token[]): Token | undefined {
  const [word, open, column, comma] = part;
  const named = part.at(-1);
  return is(word, 'COALESCE') && is(open, '(') && is(comma, ',') && is(part.at(-2), 'AS') && isName(column) && isName(named) && nameIn(named) === nameIn(column) ? column : undefined;
}

const symbol = (text: string): Token => ({ kind: 'symbol', text, start: 0, end: 0 });
const OPEN = symbol('(');
const CLOSE = symbol(')');
