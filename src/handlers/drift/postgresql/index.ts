/** Drift of PostgreSQL: dumps of two schemas, compared statement by statement with the real grammar. */
import type { DriftDifference } from '../../../contract/drift.js';
import { FaberError } from '../../../contract/failure.js';
import { barrier } from '../../barrier.js';
import { inSession } from '../../database/postgresql/beside/connections.js';
import { INSUFFICIENT_PRIVILEGE, sqlState } from '../../database/postgresql/beside/sql-state.js';
import { ScriptError, type DatabaseHandler } from '../../database/contract.js';
import type { DriftHandler, DriftRequest, FoundDrift } from '../contract.js';
import { schemaDifferences } from './differences.js';
import { stillDifferent } from './rewritten.js';
import { schemaSql } from './schema-sql.js';
import { shownDifferences } from './shown.js';
import { readSchema } from './statements.js';

const MOST_NOTES = 10;

interface Server {
  major: number;
  role: string;
}

export class PostgresDriftHandler implements DriftHandler {
  constructor(private readonly database: DatabaseHandler) {}

  async find(request: DriftRequest): Promise<FoundDrift> {
    const { target, tool, settings, signal, id } = request;
    const server = await this.#server(request);
    const { made, leftOut } = await this.#made(request, server);
    request.progress?.('Reading the schema of the database');
    const there = await schemaSql(target, server.major, tool.ownTables(settings), signal);
    const differences = schemaDifferences(await readSchema(made), await readSchema(there));
    const notes = leftOut.slice(0, MOST_NOTES).map((what) => `Not run again in the scratch database: ${what}`);
    if (leftOut.length > MOST_NOTES) notes.push(`… and ${leftOut.length - MOST_NOTES} more`);
    if (differences.every(({ difference }) => difference !== 'changed')) return this.#found(request, differences, notes);

    request.progress?.('Comparing both once more after a reload');
    const again = await stillDifferent({ database: this.database, target, serverMajor: server.major, ownTables: tool.ownTables(settings), id, signal }, made, there);
    if ('reason' in again) {
      notes.push(`Expressions that PostgreSQL rewrote in a restore may show as changed: the schemas could not be reloaded for a second look (${again.reason})`);
      return this.#found(request, differences, notes);
    }
    return this.#found(request, differences.filter(({ object, difference }) => difference !== 'changed' || again.objects.has(object)), notes);
  }

  #found({ target }: DriftRequest, differences: DriftDifference[], notes: string[]): FoundDrift {
    return { differences: shownDifferences(differences, target.secrets), notes };
  }

  #server({ target, signal }: DriftRequest): Promise<Server> {
    return inSession(this.database, target.within(signal), 'compare', async (session) => {
      const [row] = await session.query<{ major: number; role: string }>("SELECT current_setting('server_version_num')::int / 10000 AS major, current_user::text AS role");
      return row!;
    });
  }

  async #made({ target, tool, settings, migrations, id, signal, progress }: DriftRequest, server: Server): Promise<{ made: string; leftOut: string[] }> {
    try {
      return await this.database.withScratch(target, { id, signal }, async (scratch) => {
        progress?.(`Applying ${migrations.length} migration(s) to a scratch database`);
        const leftOut = await tool.makeSchema(migrations, scratch, settings, signal);
        await barrier('in-drift', signal);
        return { made: await schemaSql(scratch, server.major, tool.ownTables(settings), signal), leftOut };
      });
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      throw sqlState(error) === INSUFFICIENT_PRIVILEGE ? mayNotCreate(server.role, error) : noScratch(error);
    }
  }
}

function mayNotCreate(role: string, cause: unknown): FaberError {
  return new FaberError({
    code: 'unsupported',
    message: `The role ${role} may not create databases, and the schema is compared with that of a scratch database. Nothing was changed.`,
    suggestions: [`As a superuser: ALTER ROLE "${role.replaceAll('"', '""')}" CREATEDB`],
  }, { cause });
}

function noScratch(cause: ScriptError): FaberError {
  return new FaberError({
    code: 'plan_failed',
    message: `A scratch database could not be made or used (${cause.failure.sqlState ?? 'no SQLSTATE'}: ${cause.message}). The database was not changed.`,
    suggestions: ['Look at what the server says, and try again'],
  }, { cause });
}
