/**
 * The words of a SQLite script, by the rules of SQLite's own tokenizer (https://sqlite.org/src/file/src/tokenize.c): enough to tell
 * statements, names and literals apart. A library was looked for: those on npm were left years ago or do not keep positions.
 */

export interface Token {
  /** quoted: an identifier in "", `` or []. `bad` is what SQLite refuses: an unfinished literal, a stray character. */
  kind: 'word' | 'quoted' | 'string' | 'blob' | 'number' | 'variable' | 'symbol' | 'bad';
  /** As it stands in the script. */
  text: string;
  /** 0-based UTF-16 offsets. */
  start: number;
  end: number;
}

const SPACE = /[ \t\n\r\f]+/y;
const LINE_COMMENT = /--[^\n]*/y;
/** SQLite takes an unfinished comment to the end of the script. */
const BLOCK_COMMENT = /\/\*[\s\S]*?(?:\*\/|$)/y;
const KINDS: [Token['kind'], RegExp][] = [
  ['blob', /[xX]'[0-9a-fA-F]*'/y],
  ['string', /'(?:[^']|'')*'/y],
  ['quoted', /"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/y],
  ['number', /0[xX][0-9a-fA-F_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?/y],
  ['variable', /\?[0-9]*|[:@#$][\p{L}\p{N}_$]+/uy],
  ['word', /[A-Za-z_\u0080-\u{10ffff}][A-Za-z0-9_$\u0080-\u{10ffff}]*/uy],
  ['symbol', /->>|->|\|\||<<|>>|<=|>=|<>|==|!=|[-+*/%&|~<>=;,.()]/y],
];

/** Comments and spaces are left out. Never throws: what SQLite would refuse is a token of the kind `bad`. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const skipped = lengthOf(SPACE, text, at) || lengthOf(LINE_COMMENT, text, at) || lengthOf(BLOCK_COMMENT, text, at);
    if (skipped > 0) {
      at += skipped;
      continue;
    }
    const [kind, length] = tokenAt(text, at);
    tokens.push({ kind, text: text.slice(at, at + length), start: at, end: at + length });
    at += length;
  }
  return tokens;
}

function tokenAt(text: string, at: number): [Token['kind'], number] {
  for (const [kind, pattern] of KINDS) {
    const length = lengthOf(pattern, text, at);
    if (length > 0) return [kind, length];
  }
  // An unfinished literal takes all that follows.
  return ['bad', /['"`[]/.test(text[at]!) ? text.length - at : 1];
}

function lengthOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}

/** The name in an identifier or a keyword that serves as one, without its quotes. */
export function nameIn({ kind, text }: Token): string {
  if (kind === 'word') return text;
  const inner = text.slice(1, -1);
  if (text.startsWith('[')) return inner;
  return inner.replaceAll(text[0]! + text[0]!, text[0]!);
}

export const isName = (token: Token | undefined): token is Token => token?.kind === 'word' || token?.kind === 'quoted' || token?.kind === 'string';

/** Whether a token is this keyword or symbol. */
export const is = (token: Token | undefined, text: string) => token !== undefined && (token.kind === 'word' || token.kind === 'symbol') && token.text.toUpperCase() === text;

/** SQLite compares names without case, in ASCII. */
export const sameName = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();

export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
