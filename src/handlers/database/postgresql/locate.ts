/** Where in a script an error stands, by the real grammar. */
import { parse } from 'libpg-query';
import { isComment, maskStatement, statementKind, tokensOf } from './mask.js';

export interface Place {
  line: number | null;
  statementIndex: number | null;
  /** Masked; only the kind of statement where the script does not parse. */
  statement: string | null;
}

/**
 * Finds the failing statement.
 * @param position 1-based, in characters, as the server counts it; null when it told none
 * @param completed number of statements that completed before the error
 */
export async function locate(sql: string, position: number | null, completed: number | null): Promise<Place> {
  const bytes = Buffer.from(sql);
  const offset = position === null ? null : Buffer.byteLength([...sql].slice(0, position - 1).join(''));
  const statements = await statementsOf(sql, bytes);
  if (!statements) return placeInUnparsable(sql, bytes, offset);
  const index = offset === null ? completed : statements.findLastIndex(({ start }) => start <= offset);
  const found = index === null ? undefined : statements[index];
  if (!found) return { line: offset === null ? null : lineAt(bytes, offset), statementIndex: null, statement: null };
  const text = bytes.subarray(found.start, found.end).toString();
  return {
    line: lineAt(bytes, offset ?? found.start),
    statementIndex: index,
    statement: (await maskStatement(text)) ?? statementKind(text),
  };
}

/** Byte ranges of the statements, each from its first word on; null when the script does not parse. */
async function statementsOf(sql: string, bytes: Buffer): Promise<{ start: number; end: number }[] | null> {
  try {
    const { stmts = [] } = await parse(sql);
    const tokens = ((await tokensOf(sql)) ?? []).filter((token) => !isComment(token));
    let next = 0;
    return stmts.map(({ stmt_location: location = 0, stmt_len: length }) => {
      while (next < tokens.length && tokens[next]!.start < location) next += 1;
      return { start: tokens[next]?.start ?? location, end: length ? location + length : bytes.length };
    });
  } catch {
    return null;
  }
}

/** Nothing of such a script ran. Its statements are told apart by semicolons, which is enough to name a kind. */
async function placeInUnparsable(sql: string, bytes: Buffer, offset: number | null): Promise<Place> {
  const line = offset === null ? null : lineAt(bytes, offset);
  const tokens = await tokensOf(sql);
  if (!tokens || offset === null) return { line, statementIndex: null, statement: null };
  const separators = tokens.filter((token) => token.text === ';' && token.end <= offset);
  return { line, statementIndex: null, statement: statementKind(bytes.subarray(separators.at(-1)?.end ?? 0).toString()) };
}

function lineAt(bytes: Buffer, offset: number): number {
  return bytes.subarray(0, offset).toString().split('\n').length;
}
