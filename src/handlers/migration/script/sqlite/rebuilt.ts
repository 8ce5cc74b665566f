/**
 * Tables that a script rebuilds: SQLite can change little of a table, so a new one is made, filled from the old one, and gets its
 * name (https://sqlite.org/lang_altertable.html#otheralter). What looks like a DROP TABLE is none then.
 */
import { kindOf } from './kind.js';
import type { Statement } from './parse.js';
import { sameName } from './tokens.js';

export interface Rebuilt {
  table: string;
  /** Under which name it is made. */
  as: string;
  /** Columns whose values go along; null: not told by the script. */
  copied: string[] | null;
  /** The statement that drops the old one. */
  drop: Statement;
}

export function rebuiltTables(statements: readonly Statement[]): Rebuilt[] {
  const kinds = statements.map((statement) => kindOf(statement.tokens));
  return kinds.flatMap((drop, at) => {
    if (drop.is !== 'drop' || drop.what !== 'table') return [];
    const rename = kinds.slice(at + 1).find((kind) => kind.is === 'rename table' && sameName(kind.to, drop.name));
    if (rename?.is !== 'rename table') return [];
    const made = kinds.slice(0, at).some((kind) => kind.is === 'create table' && sameName(kind.table, rename.table));
    const filled = kinds.slice(0, at).find((kind) => kind.is === 'insert' && sameName(kind.table, rename.table) && kind.from !== null && sameName(kind.from, drop.name));
    if (!made || filled?.is !== 'insert') return [];
    return [{ table: drop.name, as: rename.table, copied: filled.selected, drop: statements[at]! }];
  });
}
