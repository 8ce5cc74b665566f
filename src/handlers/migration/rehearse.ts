/** Tries migrations on a scratch database: up, down, up again. */
import { FaberError } from '../../contract/failure.js';
import type { Settings } from '../../contract/settings.js';
import { ScriptError, type ConnectionTarget, type DatabaseHandler } from '../database/contract.js';
import type { Migration, MigrationHandler, RehearsalInput } from './contract.js';
import { differences, listed, schemaOf, type Schema } from './schema-difference.js';

/** A tool whose downs are no scripts takes them down itself. */
export type Rehearsed = Pick<MigrationHandler, 'makeSchema' | 'ownTables'> & { takeDown?: (migration: Migration, scratch: ConnectionTarget, settings: Settings, signal: AbortSignal) => Promise<void> };

type Downable = Migration & { down: Uint8Array };

/** @throws FaberError phase_failed */
export async function rehearse(
  database: DatabaseHandler, tool: Rehearsed, target: ConnectionTarget, settings: Settings, input: RehearsalInput,
): Promise<{ down: string[]; stoppedAt: string | null }> {
  const { applied, pending, signal, onProgress } = input;
  const where = async (which: string, work: Promise<unknown>) => {
    try {
      await work;
    } catch (error) {
      if (error instanceof FaberError) throw new FaberError({ code: 'phase_failed', message: `Tried on a scratch database, ${which}: ${error.message}`, suggestions: error.suggestions }, { cause: error });
      throw error;
    }
  };
  const run = (scratch: ConnectionTarget, migrations: readonly Migration[], which: string) => where(which, tool.makeSchema(migrations, scratch, settings, signal));
  try {
    return await database.withScratch(target, { id: input.operationId, signal }, async (scratch) => {
      onProgress(`Making the schema of ${applied.length} applied migrations in a scratch database`);
      await run(scratch, applied, 'with what is applied already');
      const before: Schema[] = [];
      for (const migration of pending) {
        onProgress(`Up: ${migration.name}`);
        before.push(await schemaOf(database, scratch, tool.ownTables(settings)));
        await run(scratch, [migration], 'going up');
      }
      const down: Downable[] = [];
      const end = await schemaOf(database, scratch, tool.ownTables(settings));
      for (let at = pending.length - 1; at >= 0; at -= 1) {
        const migration = pending[at]!;
        if (!hasDown(migration)) break;
        onProgress(`Down: ${migration.name}`);
        if (tool.takeDown) await where('going down', tool.takeDown(migration, scratch, settings, signal));
        else await run(scratch, [{ ...migration, file: downFile(migration), up: migration.down }], 'going down');
        requireSame(before[at]!, await schemaOf(database, scratch, tool.ownTables(settings)), `${downFile(migration)} does not bring back`);
        down.unshift(migration);
      }
      for (const migration of down) {
        onProgress(`Up again: ${migration.name}`);
        await run(scratch, [migration], 'going up again');
      }
      requireSame(end, await schemaOf(database, scratch, tool.ownTables(settings)), 'After going down and up again the schema has another');
      return { down: down.map((m) => m.name), stoppedAt: pending[pending.length - down.length - 1]?.name ?? null };
    });
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    throw new FaberError({
      code: 'phase_failed',
      message: `The scratch database beside ${target.describe()} could not be made or used (${error.failure.sqlState ?? 'no SQLSTATE'}: ${error.failure.message})`,
      suggestions: ['Give the role of the connection CREATEDB'],
    }, { cause: error });
  }
}

const hasDown = (migration: Migration): migration is Downable => migration.down !== null;
const downFile = ({ file }: Migration) => file.replace(/migration\.sql$/, 'down.sql');

function requireSame(expected: Schema, found: Schema, what: string): void {
  const lines = differences(expected, found);
  if (lines.length === 0) return;
  throw new FaberError({ code: 'phase_failed', message: `Tried on a scratch database: ${what} ${listed(lines)}`, suggestions: ['Mend the down script, or remove it where only a restore undoes the migration'] });
}
