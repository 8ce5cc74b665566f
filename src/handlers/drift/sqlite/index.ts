/** Drift of SQLite: the schema of a scratch file that the migrations made, and that of the database, as SQLite itself reads both. */
import { FaberError } from '../../../contract/failure.js';
import { barrier } from '../../barrier.js';
import { ScriptError, type DatabaseHandler } from '../../database/contract.js';
import { sqliteTarget } from '../../database/sqlite/connection-url.js';
import type { DriftHandler, DriftRequest, FoundDrift } from '../contract.js';
import { differencesOf } from './differences.js';
import { schemaOf, type Schema } from './schema.js';

const MOST_NOTES = 10;

export class SqliteDriftHandler implements DriftHandler {
  constructor(private readonly database: DatabaseHandler) {}

  async find(request: DriftRequest): Promise<FoundDrift> {
    const { target, tool, settings, signal } = request;
    const { made, leftOut } = await this.#made(request);
    request.progress?.('Reading the schema of the database');
    const there = await schemaOf(sqliteTarget(target.within(signal)), tool.ownTables(settings));
    const notes = leftOut.slice(0, MOST_NOTES).map((what) => `Not run again in the scratch database: ${what}`);
    if (leftOut.length > MOST_NOTES) notes.push(`… and ${leftOut.length - MOST_NOTES} more`);
    return { differences: differencesOf(made, there), notes };
  }

  async #made({ target, tool, settings, migrations, id, signal, progress }: DriftRequest): Promise<{ made: Schema; leftOut: string[] }> {
    try {
      return await this.database.withScratch(target, { id, signal }, async (scratch) => {
        progress?.(`Applying ${migrations.length} migration(s) to a scratch file`);
        const leftOut = await tool.makeSchema(migrations, scratch, settings, signal);
        await barrier('in-drift', signal);
        return { made: await schemaOf(sqliteTarget(scratch), tool.ownTables(settings)), leftOut };
      });
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      throw new FaberError({
        code: 'plan_failed',
        message: `A scratch file could not be made or used (${error.failure.sqlState ?? 'no code'}: ${error.message}). The database was not changed.`,
        suggestions: ['See whether the folder for temporary files has room (TMPDIR on the worker), and try again'],
      }, { cause: error });
    }
  }
}
