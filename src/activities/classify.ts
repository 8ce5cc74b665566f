import type { Classification, Migration, MigrationHandler } from '../handlers/migration/contract.js';

/** Classifies a migration of a project, by what stands before it there. */
export function classifyIn(handler: MigrationHandler, project: readonly Migration[], migration: Migration): Promise<Classification> {
  return handler.classify(migration, beforeIn(project, migration));
}

export function beforeIn(project: readonly Migration[], { name }: Pick<Migration, 'name'>): readonly Migration[] {
  const at = project.findIndex((other) => other.name === name);
  return project.slice(0, Math.max(0, at));
}
