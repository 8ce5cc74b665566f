/** The parts of an ALTER TABLE, by the words that begin them. */
import { keyword, nameOf, type Token } from '../../../database/mysql/tokens.js';

export type AlterAction =
  | { kind: 'add_column'; column: string; notNull: boolean; fill: 'null' | 'constant' | 'computed' | 'implicit' | 'generated' }
  | { kind: 'drop_column'; column: string }
  | { kind: 'modify_column'; column: string; to: string | null }
  | { kind: 'rename_column'; from: string; to: string }
  | { kind: 'add_index'; index: string; unique: boolean }
  | { kind: 'drop_index'; index: string }
  | { kind: 'rename_index'; from: string; to: string }
  | { kind: 'add_foreign_key'; name: string }
  | { kind: 'drop_foreign_key'; name: string }
  | { kind: 'add_check'; name: string }
  | { kind: 'rename_table'; to: string; database: string | null }
  | { kind: 'column_default'; column: string }
  | { kind: 'drop_partition' }
  | { kind: 'other'; what: string };

/** @param tokens behind the table's name */
export function alterActions(tokens: readonly Token[]): AlterAction[] {
  return parts(tokens).flatMap((part) => (part.length === 0 ? [] : actionsOf(part)));
}

function parts(tokens: readonly Token[]): Token[][] {
  const found: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.text === '(' && token.kind === 'punctuation') depth += 1;
    if (token.text === ')' && token.kind === 'punctuation') depth -= 1;
    if (token.text === ',' && depth === 0) found.push([]);
    else found.at(-1)!.push(token);
  }
  return found;
}

function actionsOf(part: readonly Token[]): AlterAction[] {
  const words = part.map(keyword);
  const name = (at: number) => nameOf(part[at]);
  const other: AlterAction = { kind: 'other', what: words.slice(0, 3).filter(Boolean).join(' ') };
  const known = (action: AlterAction | null): AlterAction[] => [action ?? other];
  if (words.includes('IF') && words[words.indexOf('IF') + 1] !== '') return [other];
  switch (words[0]) {
    case 'ADD':
      return addOf(part, words) ?? [other];
    case 'DROP':
      return known(dropOf(part, words));
    case 'MODIFY': {
      const column = name(words[1] === 'COLUMN' ? 2 : 1);
      return known(column === null ? null : { kind: 'modify_column', column, to: null });
    }
    case 'CHANGE': {
      const at = words[1] === 'COLUMN' ? 2 : 1;
      const column = name(at);
      return known(column === null ? null : { kind: 'modify_column', column, to: name(at + 1) });
    }
    case 'ALTER': {
      const column = name(words[1] === 'COLUMN' ? 2 : 1);
      return known(column === null || words[1] === 'INDEX' || words[1] === 'CHECK' ? null : { kind: 'column_default', column });
    }
    case 'RENAME':
      return known(renameOf(part, words));
    case 'TRUNCATE':
      return [{ kind: 'drop_partition' }];
    default:
      return [other];
  }
}

function addOf(part: readonly Token[], words: readonly string[]): AlterAction[] | null {
  const name = (at: number) => nameOf(part[at]);
  if (words[1] === 'PARTITION') return null;
  if (words[1] === 'CONSTRAINT' || words[1] === 'FOREIGN' || words[1] === 'CHECK' || words[1] === 'PRIMARY') {
    const constraint = words[1] === 'CONSTRAINT' ? name(2) : null;
    const at = words[1] === 'CONSTRAINT' ? 3 : 1;
    if (words[at] === 'FOREIGN' && constraint !== null) return [{ kind: 'add_foreign_key', name: constraint }];
    if (words[at] === 'CHECK' && constraint !== null) return [{ kind: 'add_check', name: constraint }];
    if (words[at] === 'UNIQUE' && constraint !== null) return [{ kind: 'add_index', index: constraint, unique: true }];
    return null;
  }
  const unique = words[1] === 'UNIQUE';
  const index = unique ? (words[2] === 'INDEX' || words[2] === 'KEY' ? 3 : 2) : ['FULLTEXT', 'SPATIAL'].includes(words[1] ?? '') ? (words[2] === 'INDEX' || words[2] === 'KEY' ? 3 : 2) : words[1] === 'INDEX' || words[1] === 'KEY' ? 2 : null;
  if (index !== null) {
    const named = name(index);
    return named === null ? null : [{ kind: 'add_index', index: named, unique }];
  }
  const at = words[1] === 'COLUMN' ? 2 : 1;
  // Several columns in brackets.
  const column = name(at);
  return column === null ? null : [addColumn(column, part.slice(at + 1))];
}

function addColumn(column: string, rest: readonly Token[]): AlterAction {
  const words = rest.map(keyword);
  const notNull = words.some((word, at) => word === 'NOT' && words[at + 1] === 'NULL') || words.includes('PRIMARY');
  const at = words.indexOf('DEFAULT');
  const value = at < 0 ? null : rest[at + 1];
  const constant = value && (value.kind === 'string' || value.kind === 'number' || ['TRUE', 'FALSE'].includes(keyword(value)) || ((value.text === '-' || value.text === '+') && rest[at + 2]?.kind === 'number'));
  const generated = words.includes('GENERATED') || words.some((word, one) => word === 'AS' && rest[one + 1]?.text === '(');
  const fill = generated ? 'generated' : words.includes('AUTO_INCREMENT') ? 'computed' : at >= 0 && keyword(value ?? undefined) !== 'NULL' ? (constant ? 'constant' : 'computed') : notNull ? 'implicit' : 'null';
  return { kind: 'add_column', column, notNull, fill };
}

function dropOf(part: readonly Token[], words: readonly string[]): AlterAction | null {
  const name = (at: number) => nameOf(part[at]);
  if (words[1] === 'PARTITION') return { kind: 'drop_partition' };
  if (words[1] === 'PRIMARY' || words[1] === 'CONSTRAINT' || words[1] === 'CHECK') return null;
  if (words[1] === 'FOREIGN') return name(3) === null ? null : { kind: 'drop_foreign_key', name: name(3)! };
  if (words[1] === 'INDEX' || words[1] === 'KEY') return name(2) === null ? null : { kind: 'drop_index', index: name(2)! };
  const column = name(words[1] === 'COLUMN' ? 2 : 1);
  return column === null ? null : { kind: 'drop_column', column };
}

function renameOf(part: readonly Token[], words: readonly string[]): AlterAction | null {
  const name = (at: number) => nameOf(part[at]);
  const pair = words[1] === 'COLUMN' || words[1] === 'INDEX' || words[1] === 'KEY';
  if (pair) {
    const [from, to] = [name(2), words[3] === 'TO' ? name(4) : null];
    if (from === null || to === null) return null;
    return words[1] === 'COLUMN' ? { kind: 'rename_column', from, to } : { kind: 'rename_index', from, to };
  }
  const at = ['TO', 'AS'].includes(words[1] ?? '') ? 2 : 1;
  const first = name(at);
  if (first === null) return null;
  const second = part[at + 1]?.text === '.' ? name(at + 2) : null;
  return second === null ? { kind: 'rename_table', to: first, database: null } : { kind: 'rename_table', to: second, database: first };
}
