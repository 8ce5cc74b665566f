/**
 * PostgreSQL writes some expressions otherwise once they were restored from a dump: `status IN ('a', 'b')` over a varchar comes back
 * with its casts elsewhere. So a restored database is not like what its migrations make, letter by letter, and yet the same. Both
 * are loaded from their dumps and dumped again: then both were rewritten, and what still differs does differ.
 */
import { FaberError } from '../../../contract/failure.js';
import { ScriptError, type ConnectionTarget, type DatabaseHandler } from '../../database/contract.js';
import { readSchema, parseDump } from './statements.js';
import { schemaDifferences } from './differences.js';
import { schemaSql } from './schema-sql.js';

/** Statements in one message are one transaction, and each of their objects takes a lock. */
const AT_ONCE = 200;

export interface Reloading {
  database: DatabaseHandler;
  target: ConnectionTarget;
  serverMajor: number;
  ownTables: readonly string[];
  id: string;
  signal: AbortSignal;
}

/**
 * @param made and `there`: the two dumps
 * @returns the objects that differ after all, or why it cannot be told
 */
export async function stillDifferent(reloading: Reloading, made: string, there: string): Promise<{ objects: ReadonlySet<string> } | { reason: string }> {
  try {
    const [one, other] = [await reload(reloading, 'made', made), await reload(reloading, 'found', there)];
    return { objects: new Set(schemaDifferences(await readSchema(one), await readSchema(other)).map(({ object }) => object)) };
  } catch (error) {
    reloading.signal.throwIfAborted();
    if (error instanceof FaberError || error instanceof ScriptError) return { reason: error.message };
    throw error;
  }
}

function reload({ database, target, serverMajor, ownTables, id, signal }: Reloading, which: string, dump: string): Promise<string> {
  return database.withScratch(target, { id: `${id} ${which}`, signal }, async (scratch) => {
    const { statements, text } = await parseDump(dump);
    // An event trigger would fire on what follows it.
    const parts = statements.filter(({ node }) => !('CreateEventTrigStmt' in node)).map(({ start, end }) => text.slice(start, end));
    const session = await database.connect(scratch, 'compare');
    try {
      for (let at = 0; at < parts.length; at += AT_ONCE) await session.script(parts.slice(at, at + AT_ONCE).join(';\n'));
    } finally {
      await session.close();
    }
    return schemaSql(scratch, serverMajor, ownTables, signal);
  });
}
