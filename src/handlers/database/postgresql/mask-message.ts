/** Messages of the server without the values that they quote. */
import type { DatabaseError } from 'pg';
import { wordsOf } from './mask.js';

/** Classes of SQLSTATE whose messages quote names of objects and settings; values stand in DETAIL there. */
const NAMING = /^(0A|0L|0P|23|25|28|2B|2F|34|3B|3D|3F|42|44|53|54|55|57)/;

/**
 * The server's primary message with every value masked as `"?"`. Quoted text stays when the error itself names it as an
 * object or the script uses it as a name; elsewhere in messages about objects unless the script has it as a literal.
 */
export async function maskMessage(error: DatabaseError, sql: string): Promise<string> {
  const state = error.code ?? '';
  // RAISE sends whatever the script or a trigger put together, often a row's values.
  if (raised(error)) return `an exception was raised (SQLSTATE ${state}); its text is not shown, since it may hold values`;
  // Data exceptions quote the value, and it may hold quotes itself or stand unquoted after the colon (`0xff`).
  if (state.startsWith('22')) return error.message.replace(/"[\s\S]*"/, '"?"').replace(/: (?!"\?"$)[\s\S]*$/, ': ?');
  const words = await wordsOf(sql);
  const fields = new Set([error.schema, error.table, error.column, error.constraint, error.dataType]);
  const isName = (text: string) => {
    if (state === '42601') return /^[^\w\s]+$/.test(text) || SQL_WORDS.has(text.toLowerCase());
    if (fields.has(text)) return true;
    if (words?.literals.has(text)) return false;
    return NAMING.test(state) || (words !== null && text.split('.').every((part) => words.names.has(part)));
  };
  return error.message.replace(/"([^"]*)"/g, (whole, text: string) => (isName(text) ? whole : '"?"')).replace(/'[^']*'/g, "'?'");
}

/** Sent by PL/pgSQL's RAISE, which may set any field of an error. */
export function raised(error: DatabaseError): boolean {
  return error.routine === 'exec_stmt_raise' || error.code === 'P0001' || error.code === 'P0004';
}

/** A syntax error names the word it stopped at; of those only SQL's own are shown. */
const SQL_WORDS = new Set(
  ('add all alter and as asc begin by case check column commit constraint create default delete desc distinct drop else end exists for foreign ' +
    'from grant group having if in index insert into is join key limit not null on or order primary references returning select set table then ' +
    'to type union unique update using values view when where with').split(' '),
);
