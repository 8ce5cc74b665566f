/** Which objects of a script are there already: evidence for settling a failed row of another runner. */
import type { ConnectionTarget, DatabaseHandler } from '../../../database/contract.js';
import type { Migration } from '../../contract.js';
import { madeBy, type Made } from './made.js';
import { parseScript } from './parse.js';

/** One line an object that the script creates, by name; scripts that create nothing of a name give no line. */
export async function findObjects(database: DatabaseHandler, migration: Pick<Migration, 'up'>, target: ConnectionTarget): Promise<string[]> {
  const session = await database.connect(target, 'read evidence');
  try {
    const lines: string[] = [];
    for (const made of madeBy(parseScript(migration.up))) {
      const there = (await session.query(...lookFor(made))).length > 0;
      lines.push(`${made.what} ${made.name}${made.column === undefined ? '' : `.${made.column}`} ${there ? 'is there' : 'is not there'}`);
    }
    return lines;
  } finally {
    await session.close();
  }
}

function lookFor({ what, name, column }: Made): [string, unknown[]] {
  if (what === 'column') return ['SELECT 1 FROM pragma_table_xinfo(?) WHERE name = ? COLLATE NOCASE', [name, column]];
  return ['SELECT 1 FROM sqlite_master WHERE type = ? AND name = ? COLLATE NOCASE', [what, name]];
}
