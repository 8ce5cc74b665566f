/**
 * Masks what a statement or a message of the server may hold of data. Everything is masked that is not known to be a
 * name: a literal shown is worse than a name hidden.
 */
import { scan, type ScanToken } from 'libpg-query';

const STATEMENT_LENGTH = 500;
const MASKED = '?';

/** The statement on one line with every literal as `?` and comments dropped; `null` when it does not scan. */
export async function maskStatement(sql: string): Promise<string | null> {
  const tokens = await tokensOf(sql);
  if (!tokens) return null;
  let text = '';
  let end: number | null = null;
  for (const token of tokens) {
    if (isComment(token)) continue;
    if (end !== null && token.start > end) text += ' ';
    text += isName(token) || isPunctuation(token) ? token.text : MASKED;
    end = token.end;
  }
  return text.length > STATEMENT_LENGTH ? `${text.slice(0, STATEMENT_LENGTH - 1)}…` : text;
}

/** `CREATE TABLE`, `INSERT INTO` …: all that is told of a script that the grammar does not accept. */
export function statementKind(sql: string): string | null {
  const words = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|;)*([a-z]+)(?:\s+([a-z]+))?/i.exec(sql);
  const first = words?.[1]?.toUpperCase();
  if (!first || !VERBS.has(first)) return null;
  const second = words?.[2]?.toUpperCase();
  return second && OBJECTS.has(second) ? `${first} ${second}` : first;
}

const VERBS = new Set(
  ('ALTER ANALYZE BEGIN CALL CLUSTER COMMENT COMMIT COPY CREATE DELETE DISCARD DO DROP EXECUTE EXPLAIN GRANT IMPORT INSERT LOCK MERGE ' +
    'PREPARE REASSIGN REFRESH REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET START TRUNCATE UPDATE VACUUM VALUES WITH').split(' '),
);
const OBJECTS = new Set(
  ('AGGREGATE COLLATION CONSTRAINT DATABASE DOMAIN EVENT EXTENSION FOREIGN FROM FUNCTION INDEX INTO LANGUAGE MATERIALIZED OPERATOR OR POLICY ' +
    'PROCEDURE PUBLICATION ROLE RULE SCHEMA SEQUENCE SERVER STATISTICS TABLE TEMPORARY TRIGGER TYPE UNIQUE USER VIEW').split(' '),
);

/** Names and literals of a script, to tell one from the other in a message; `null` when it does not scan. */
export async function wordsOf(sql: string): Promise<{ names: Set<string>; literals: Set<string> } | null> {
  const tokens = await tokensOf(sql);
  if (!tokens) return null;
  const words = { names: new Set<string>(), literals: new Set<string>() };
  for (const token of tokens) {
    if (isName(token)) words.names.add(identifier(token.text));
    else if (!isComment(token) && !isPunctuation(token)) words.literals.add(contents(token.text));
  }
  return words;
}

export async function tokensOf(sql: string): Promise<ScanToken[] | null> {
  try {
    return (await scan(sql)).tokens;
  } catch {
    return null;
  }
}

export function isComment(token: ScanToken): boolean {
  return token.tokenName === 'SQL_COMMENT' || token.tokenName === 'C_COMMENT';
}

function isName(token: ScanToken): boolean {
  return token.tokenName === 'IDENT' || token.keywordKind !== 0 || /^u&"/i.test(token.text);
}

/** Operators, brackets and parameters such as `$1`: nothing with a quote or a digit of its own. */
function isPunctuation(token: ScanToken): boolean {
  return /^[^\p{L}\p{N}'"$\\_]+$|^\$\d+$/u.test(token.text);
}

function identifier(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase();
}

function contents(text: string): string {
  return text.replace(/^[a-z&]*'([\s\S]*)'$/i, '$1').replaceAll("''", "'");
}
