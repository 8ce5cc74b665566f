import type { Migration, MigrationHandler } from '../handlers/migration/contract.js';
import { classifyIn } from './classify.js';

/**
 * Splits migrations by whether a down script undoes them: one that is there and is none (empty, of half a transaction, generated
 * for a script that destroys data) is none.
 * @param names in the order of undoing; one that the project has no more has no down script
 */
export async function usableDowns(handler: MigrationHandler, project: readonly Migration[], names: readonly string[]): Promise<{ scripts: Migration[]; without: string[] }> {
  const byName = new Map(project.map((migration) => [migration.name, migration]));
  const scripts: Migration[] = [];
  const without: string[] = [];
  for (const name of names) {
    const migration = byName.get(name);
    if (migration?.down && (await classifyIn(handler, project, migration)).undo !== 'restore_only') scripts.push(migration);
    else without.push(name);
  }
  return { scripts, without };
}
