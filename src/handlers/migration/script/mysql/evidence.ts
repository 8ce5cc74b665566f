/** Which objects of a script are there already: evidence for settling a failed row of another runner. */
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import type { Migration } from '../../contract.js';
import { changeOf, type Change } from './change.js';
import { plain } from './effects.js';
import { has } from './look.js';
import { parseScript } from './statements.js';
import { definitionOf, type Touched } from './touched.js';

/** One line an object that the script creates, by name. */
export async function findObjects(database: DatabaseHandler, migration: Pick<Migration, 'up'>, target: ConnectionTarget): Promise<string[]> {
  const session = await database.connect(target, 'read evidence');
  try {
    const lines: string[] = [];
    for (const { what, of, part } of parseScript(migration.up).statements.map(changeOf).flatMap(madeBy)) {
      const definition = await definitionOf(session, target.database, of);
      const there = part === undefined ? definition !== null : has(definition, part.kind, part.name);
      lines.push(`${what} ${there ? 'is there' : 'is not there'}`);
    }
    return lines;
  } finally {
    await session.close();
  }
}

interface Made { what: string; of: Touched; part?: { kind: 'column' | 'index' | 'constraint'; name: string } }

function madeBy(change: Change): Made[] {
  if (change.kind === 'create_table') return [{ what: `table ${plain(change.table)}`, of: { kind: 'table', name: change.table } }];
  if (change.kind === 'create_code') return [{ what: `${change.of} ${plain(change.name)}`, of: { kind: change.of, name: change.name } }];
  if (change.kind === 'create_index') return [{ what: `index ${plain(change.table)}.${change.index}`, of: { kind: 'table', name: change.table }, part: { kind: 'index', name: change.index } }];
  if (change.kind !== 'alter_table') return [];
  const of: Touched = { kind: 'table', name: change.table };
  const table = plain(change.table);
  return change.actions.flatMap((action): Made[] => {
    if (action.kind === 'add_column') return [{ what: `column ${table}.${action.column}`, of, part: { kind: 'column', name: action.column } }];
    if (action.kind === 'add_index') return [{ what: `index ${table}.${action.index}`, of, part: { kind: 'index', name: action.index } }];
    return action.kind === 'add_foreign_key' || action.kind === 'add_check' ? [{ what: `constraint ${table}.${action.name}`, of, part: { kind: 'constraint', name: action.name } }] : [];
  });
}
