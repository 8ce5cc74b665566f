/**
 * What `faber_db.steps` remembers of seeds. No name of a migration holds a slash, so that none can be taken for the other. Each run
 * that a person asked for has a number of its own, and each number runs once at most.
 */
import type { StepRow } from '../handlers/database/contract.js';

const PREFIX = 'seed/';

export const seedStep = (nth: number) => `${PREFIX}${nth}`;
export const isSeedStep = (migration: string) => migration.startsWith(PREFIX);

/** How the last run stands. */
export function seedIn(steps: readonly StepRow[]): { seed?: 'began' | 'ran' } {
  const last = steps.filter(({ migration }) => isSeedStep(migration)).at(-1);
  if (last === undefined) return {};
  return { seed: last.action === 'applied' ? 'ran' : 'began' };
}
