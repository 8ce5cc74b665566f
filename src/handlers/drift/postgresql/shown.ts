/** Differences as they may leave the worker: bounded, and without what could be a credential in the code of a function. */
import { scanSync } from 'libpg-query';
import type { DriftDifference } from '../../../contract/drift.js';
import { redactor } from '../../redact.js';

/** Of one definition. */
const LONGEST = 2_000;
const MASKED = `'…'`;

/** @param secrets of the connection */
export function shownDifferences(differences: readonly DriftDifference[], secrets: readonly string[]): DriftDifference[] {
  const redact = redactor(secrets);
  const show = (sql: string | null) => (sql === null ? null : bounded(redact(maskCode(sql))));
  return differences.map((difference) => {
    const shown = { ...difference, object: bounded(redact(difference.object)), sql: show(difference.sql), in_migrations: show(difference.in_migrations), in_database: show(difference.in_database) };
    const alike = difference.difference === 'changed' && shown.in_migrations === shown.in_database;
    return alike ? { ...shown, in_database: `-- Differs where literals are masked, or further on\n${shown.in_database}` } : shown;
  });
}

/**
 * Literals of a schema are part of it (the values of an enum, the bound of a CHECK); those in code, and the options of foreign
 * servers, may be passwords.
 */
function maskCode(sql: string): string {
  if (/^CREATE (?:SERVER|USER MAPPING|FOREIGN)/m.test(sql)) return maskStrings(sql) ?? statementOnly(sql);
  if (!/^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)/m.test(sql)) return sql;
  return replaceTokens(sql, (text) => {
    const body = /^(\$[^$]*\$)([\s\S]*)\1$/.exec(text);
    return body ? `${body[1]}${maskStrings(body[2]!) ?? ' … '}${body[1]}` : MASKED;
  }) ?? statementOnly(sql);
}

const maskStrings = (sql: string) => replaceTokens(sql, () => MASKED);

const statementOnly = (sql: string) => `${sql.split('\n', 1)[0]} …`;

/** Every string of the text through `replace`; null when it cannot be scanned. */
function replaceTokens(sql: string, replace: (text: string) => string): string | null {
  try {
    const bytes = Buffer.from(sql);
    let result = '';
    let at = 0;
    for (const token of scanSync(sql).tokens) {
      // Comments in code are prose, and may tell as much.
      const comment = token.tokenName.endsWith('COMMENT');
      if (!comment && !STRINGS.test(token.tokenName)) continue;
      result += bytes.subarray(at, token.start).toString() + (comment ? '' : replace(token.text));
      at = token.end;
    }
    return result + bytes.subarray(at).toString();
  } catch {
    return null;
  }
}

const STRINGS = /^(?:SCONST|USCONST|BCONST|XCONST)$/;

function bounded(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}\n-- … and ${text.length - LONGEST} characters more` : text;
}
