/**
 * Reads SQL as MySQL's and MariaDB's lexer does, in their default mode: a backslash escapes in strings, "…" is a string. Scripts run
 * only on sessions in that mode (`sql-mode.ts`). https://dev.mysql.com/doc/refman/8.4/en/language-structure.html
 */
export interface Token {
  /**
   * word: keyword or plain name; name: in backticks; comment: with no effect on the server; code: the marks around a comment that
   * the server runs (`/*!40101`); end: a semicolon; open: a string, name or comment that never ends.
   */
  kind: 'word' | 'name' | 'string' | 'number' | 'variable' | 'punctuation' | 'comment' | 'code' | 'end' | 'open';
  text: string;
  start: number;
}

const PATTERNS: [Token['kind'] | 'space', RegExp][] = [
  ['space', /\s+/y],
  ['comment', /--(?=[\s\p{Cc}]|$)[^\n]*|#[^\n]*/uy],
  ['code', /\/\*M?!\d{0,6}/y],
  ['comment', /\/\*[\s\S]*?\*\//y],
  ['code', /\*\//y],
  ['string', /[nNxXbB]?'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"/y],
  ['name', /`(?:[^`]|``)*`/y],
  ['open', /[nNxXbB]?'|"|`|\/\*/y],
  ['variable', /@@?(?:`(?:[^`]|``)*`|'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|[\w.$\u0080-\uFFFF]*)/y],
  ['number', /(?:0x[0-9a-fA-F]+|0b[01]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)(?![\w$\u0080-\uFFFF])/y],
  ['word', /[\w$\u0080-\uFFFF]+/y],
  ['end', /;/y],
  ['punctuation', /[\s\S]/y],
];

/** Every token but space. A number right after a dot is part of a name (`t.1st`), which no migration needs told apart. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    for (const [kind, pattern] of PATTERNS) {
      pattern.lastIndex = at;
      const text = pattern.exec(sql)?.[0];
      if (text === undefined || text === '') continue;
      // What never ends takes the rest along: the server reads it so.
      const whole = kind === 'open' ? sql.slice(at) : text;
      if (kind !== 'space') tokens.push({ kind, text: whole, start: at });
      at += whole.length;
      break;
    }
  }
  return tokens;
}

/** The name that a word or a name in backticks means; null for other tokens. */
export function nameOf(token: Token | undefined): string | null {
  if (token?.kind === 'word') return token.text;
  return token?.kind === 'name' ? token.text.slice(1, -1).replaceAll('``', '`') : null;
}

/** A keyword in capitals; '' for anything else, also for a name in backticks. */
export const keyword = (token: Token | undefined): string => (token?.kind === 'word' ? token.text.toUpperCase() : '');

const STATEMENT_LENGTH = 500;

/** The statement on one line with every literal as `?` and comments dropped. */
export function maskStatement(sql: string): string {
  let text = '';
  let end: number | null = null;
  for (const token of tokenize(sql)) {
    if (token.kind === 'comment' || token.kind === 'code') continue;
    if (end !== null && token.start > end) text += ' ';
    const shown = token.kind === 'word' || token.kind === 'name' || token.kind === 'punctuation' || token.kind === 'end';
    // A variable may be called like anything; one in quotes too.
    text += shown || (token.kind === 'variable' && /^@@?[\w.$]*$/.test(token.text)) ? token.text : '?';
    end = token.start + token.text.length;
  }
  return text.length > STATEMENT_LENGTH ? `${text.slice(0, STATEMENT_LENGTH - 1)}…` : text;
}
