/** Masks what a statement or a message of SQLite may hold of data: a literal shown is worse than a name hidden. */
import { is, tokensOf, type Token } from './tokens.js';

const STATEMENT_LENGTH = 500;

/** The statement on one line with every literal as `?` and comments dropped. */
export function maskStatement(sql: string): string {
  let text = '';
  let end: number | null = null;
  let inValues = false;
  let before: Token | undefined;
  for (const token of tokensOf(sql)) {
    if (is(token, 'VALUES') || is(token, 'SET')) inValues = true;
    if (end !== null && token.start > end) text += ' ';
    text += isShown(token, inValues, before) ? token.text : '?';
    end = token.end;
    before = token;
  }
  return text.length > STATEMENT_LENGTH ? `${text.slice(0, STATEMENT_LENGTH - 1)}…` : text;
}

/** SQLite takes a name in double quotes for text where there is no such column. */
function isShown({ kind, text }: Token, inValues: boolean, before: Token | undefined): boolean {
  if (kind === 'word' || kind === 'symbol' || kind === 'variable') return true;
  if (kind !== 'quoted') return false;
  return !text.startsWith('"') || !(inValues || ['=', '<', '>', '<=', '>=', '<>', '!=', 'LIKE', 'DEFAULT', 'IS'].some((word) => is(before, word)));
}

/** Messages that name objects and nothing else (https://sqlite.org/src/file/src: sqlite3ErrorMsg and vdbe.c). */
const NAMING = [
  /^(UNIQUE|NOT NULL) constraint failed: [^'"]+$/,
  /^FOREIGN KEY constraint failed$/,
  /^no such (table|index|view|trigger|module|function|collation sequence|savepoint): [^'"]+$/,
  /^(table|view|index|trigger|there is already a table named|there is already an index named) [\w."`[\]]+( already exists)?$/,
  /^table .+ has \d+ columns but \d+ values were supplied$/,
  /^table .+ has no column named [^'"]+$/,
  /^duplicate column name: [^'"]+$/,
  /^(Cannot add a|cannot|Cannot) [A-Za-z ,-]+$/,
  /^cannot drop [\w ]+ column: "[^"]+"$/,
  /^cannot (store \w+ value in \w+|modify|rollback|commit|start|VACUUM|UPDATE|DROP|drop|change)[^'"]*$/,
  /^\d+ values for \d+ columns$/,
  /^error in (view|trigger|index|table) [^:'"]+( after \w+( \w+)?)?: no such (column|table): [^'"]+$/,
  /^(database|table|disk|file|string or blob|integer|too many|incomplete|interrupted|attempt to write|datatype mismatch|unable to open|bad parameter|out of memory|not an error|database table is locked)[A-Za-z .-]*$/,
];

/** @param code the name of the extended result code */
export function maskMessage(message: string, code: string | null): string {
  if (code === 'SQLITE_CONSTRAINT_TRIGGER') return 'a trigger stopped it (RAISE); its text is not shown, since it may hold values';
  if (message.startsWith('CHECK constraint failed')) return /^CHECK constraint failed: \w+$/.test(message) ? message : 'CHECK constraint failed';
  const near = /^near "(.*)": syntax error$/s.exec(message)?.[1];
  if (near !== undefined) return /^[^\p{L}\p{N}'"]+$/u.test(near) || SQL_WORDS.has(near.toLowerCase()) ? message : 'near "?": syntax error';
  const column = /^no such column: (.*)$/s.exec(message)?.[1];
  if (column !== undefined) return /^[\w.]+$/.test(column) ? message : 'no such column: ?';
  if (NAMING.some((pattern) => pattern.test(message))) return message;
  return `${code ?? 'an error'}; its text is not shown, since it may hold values`;
}

const SQL_WORDS = new Set(
  ('add all alter and as asc autoincrement begin by cascade case check collate column commit constraint create cross default deferrable delete desc distinct drop ' +
    'else end exists for foreign from glob group having if in index inner insert into is join key left like limit not null on or order outer pragma primary ' +
    'references rename returning select set table then to transaction trigger type union unique update using values view virtual when where with without').split(' '),
);
