/** A SQLite script, told apart into its statements. */
import { is, tokensOf, type Token } from './tokens.js';

export interface Statement {
  /** Without the semicolon. */
  tokens: Token[];
  /** 0-based UTF-16 offsets in `Script.text`; the end stands before the semicolon. */
  start: number;
  end: number;
  /** 1-based. */
  line: number;
}

export interface Script {
  /** The text as it runs: a byte order mark is replaced by a space, so that positions stay. */
  text: string;
  byteOrderMark: boolean;
  statements: Statement[];
  /** Where SQLite's tokenizer would stop. */
  error: { line: number } | null;
}

export function parseScript(bytes: Uint8Array): Script {
  const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const text = decoded.replace(/^\uFEFF/, ' ');
  const tokens = tokensOf(text);
  const bad = tokens.find(({ kind }) => kind === 'bad');
  return { text, byteOrderMark: text !== decoded, statements: statementsOf(text, tokens), error: bad ? { line: lineAt(text, bad.start) } : null };
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

function statementsOf(text: string, tokens: readonly Token[]): Statement[] {
  const statements: Statement[] = [];
  let current: Token[] = [];
  const close = () => {
    const [first, last] = [current[0], current.at(-1)];
    if (first && last) statements.push({ tokens: current, start: first.start, end: last.end, line: lineAt(text, first.start) });
    current = [];
  };
  for (const token of tokens) {
    if (is(token, ';') && endsHere(current)) close();
    else current.push(token);
  }
  close();
  return statements;
}

/** A trigger holds statements of its own: it ends with an END that stands right behind a semicolon, as `sqlite3_complete` has it. */
function endsHere(tokens: readonly Token[]): boolean {
  if (!isTrigger(tokens)) return true;
  if (!tokens.some((token) => is(token, 'BEGIN'))) return true;
  return is(tokens.at(-1), 'END') && is(tokens.at(-2), ';');
}

export function isTrigger([create, ...rest]: readonly Token[]): boolean {
  if (!is(create, 'CREATE')) return false;
  const next = is(rest[0], 'TEMP') || is(rest[0], 'TEMPORARY') ? rest[1] : rest[0];
  return is(next, 'TRIGGER');
}
