/** What a script creates, by name. */
import { kindOf } from './kind.js';
import type { Script } from './parse.js';

export interface Made { what: 'table' | 'index' | 'view' | 'trigger' | 'column'; name: string; column?: string }

/** A table made under another name for a rebuild counts under the name that it gets. */
export function madeBy({ statements }: Script): Made[] {
  const made: Made[] = [];
  for (const { tokens } of statements) {
    const kind = kindOf(tokens);
    if (kind.is === 'create table' || kind.is === 'create virtual table') made.push({ what: 'table', name: kind.table });
    if (kind.is === 'create index') made.push({ what: 'index', name: kind.index });
    if (kind.is === 'create view') made.push({ what: 'view', name: kind.view });
    if (kind.is === 'create trigger') made.push({ what: 'trigger', name: kind.trigger });
    if (kind.is === 'add column') made.push({ what: 'column', name: kind.table, column: kind.column });
    if (kind.is === 'rename table') for (const one of made) if (one.what === 'table' && one.name === kind.table) one.name = kind.to;
  }
  return made;
}
