/**
 * Splits a script into statements as the server does, which gets a whole script of Prisma in one message: no DELIMITER, which is the
 * mysql client's own, and the semicolons inside of a routine's body belong to it.
 */
import { keyword, nameOf, tokenize, type Token } from '../../../database/mysql/tokens.js';

export interface Statement {
  /** As it is sent, without its semicolon. */
  text: string;
  /** Without comments and their marks. */
  tokens: Token[];
  /** 1-based, of its first token. */
  line: number;
}

export interface Script {
  text: string;
  byteOrderMark: boolean;
  statements: Statement[];
  /** Why it cannot be told apart; `statements` is empty then, and it is not run. */
  error: { line: number | null; what: string } | null;
}

/** Pure. A script that cannot be told apart is an answer, not an exception. */
export function parseScript(bytes: Uint8Array): Script {
  const raw = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const text = raw.replace(/^\uFEFF/, ' ');
  const script: Script = { text, byteOrderMark: raw !== text, statements: [], error: null };
  const tokens = tokenize(text);
  const refuse = (token: Token, what: string): Script => ({ ...script, statements: [], error: { line: lineOf(text, token.start), what } });
  let from = 0;
  let depth = 0;
  let inCode = false;
  let current: Token[] = [];
  let body = false;
  let previous: Token | undefined;
  const finish = (end: number) => {
    const [first] = current;
    if (first) script.statements.push({ text: text.slice(from, end).trim(), tokens: current, line: lineOf(text, first.start) });
  };
  for (const token of tokens) {
    if (token.kind === 'open') return refuse(token, 'a string, a name or a comment never ends');
    if (token.kind === 'comment') continue;
    if (token.kind === 'code') {
      inCode = token.text !== '*/';
      continue;
    }
    if (token.kind === 'end' && depth === 0) {
      // Half of a statement would stand inside of the comment.
      if (inCode) return refuse(token, 'a semicolon stands inside of a comment that the server runs (/*! … */)');
      finish(token.start);
      [from, current, body, previous] = [token.start + 1, [], false, undefined];
      continue;
    }
    current.push(token);
    if (current.length === 1 && keyword(token) === 'DELIMITER') return refuse(token, 'DELIMITER is of the mysql client, the server does not know it; a routine needs none here');
    body ||= hasBody(current);
    if (body) depth += depthOf(token, previous);
    if (depth < 0) return refuse(token, 'an END has no BEGIN, IF, CASE or loop');
    previous = token;
  }
  if (depth > 0) return refuse(current[0]!, 'a BEGIN, IF, CASE or loop has no END');
  finish(text.length);
  return script;
}

const OBJECTS = new Set(['TABLE', 'VIEW', 'INDEX', 'DATABASE', 'SCHEMA', 'USER', 'ROLE', 'SEQUENCE', 'SERVER', 'TEMPORARY', 'UNIQUE', 'FULLTEXT', 'SPATIAL', 'PROCEDURE', 'FUNCTION', 'TRIGGER', 'EVENT']);
const WITH_BODY = new Set(['PROCEDURE', 'FUNCTION', 'TRIGGER', 'EVENT']);

/** Whether the statement, as far as it was read, is a routine, trigger or event, whose body may hold semicolons. */
function hasBody(tokens: readonly Token[]): boolean {
  const first = keyword(tokens[0]);
  if (first === 'BEGIN') return keyword(tokens[1]) === 'NOT';
  if (first !== 'CREATE' && first !== 'ALTER') return false;
  // The first word of these says what it is; a column of a table may be called like any of them.
  return WITH_BODY.has(keyword(tokens.find((token, at) => at > 0 && OBJECTS.has(keyword(token)))));
}

const OPENS_AT_START = new Set(['IF', 'LOOP', 'REPEAT', 'WHILE', 'FOR', 'CASE']);
const BEFORE_STATEMENT = new Set(['BEGIN', 'THEN', 'ELSE', 'DO', 'LOOP', 'REPEAT', 'ROW', 'DETERMINISTIC', 'DATA', 'SQL', 'DEFINER', 'INVOKER', 'NOT', 'ATOMIC']);

/** By how much a token changes the depth of blocks. `END IF` closes once: its second word opens nothing. */
function depthOf(token: Token, previous: Token | undefined): number {
  const word = keyword(token);
  if (word === 'END') return -1;
  if (keyword(previous) === 'END') return 0;
  if (word === 'BEGIN') return 1;
  if (word === 'CASE') return 1;
  const starts = previous === undefined || previous.kind === 'end' || (previous.kind === 'punctuation' && (previous.text === ':' || previous.text === ')')) || BEFORE_STATEMENT.has(keyword(previous));
  return starts && OPENS_AT_START.has(word) ? 1 : 0;
}

/** Positions are asked for in ascending order at most once a statement, so the text is not read again and again in practice. */
function lineOf(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < position; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** Where a name may stand: `a`, `b`.`a`. */
export interface QualifiedName { database: string | null; name: string }

/** Reads a name at a position of tokens; null where none stands. */
export function qualifiedName(tokens: readonly Token[], at: number): { name: QualifiedName; next: number } | null {
  const first = nameOf(tokens[at]);
  if (first === null) return null;
  if (tokens[at + 1]?.text !== '.') return { name: { database: null, name: first }, next: at + 1 };
  const second = nameOf(tokens[at + 2]);
  return second === null ? null : { name: { database: first, name: second }, next: at + 3 };
}
