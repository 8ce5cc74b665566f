/**
 * What `faber_db.steps` remembers of seeds. No name of a migration holds a slash, so that none can be taken for the other. Each run
 * that a person asked for has a number of its own, and each number runs once at most. started: it began; applied: it ran to its end;
 * reverted: it ended otherwise, so that it certainly runs no more.
 */
import type { StepRow } from '../handlers/database/contract.js';

const PREFIX = 'seed/';

export const seedStep = (nth: number) => `${PREFIX}${nth}`;
export const isSeedStep = (migration: string) => migration.startsWith(PREFIX);

const STATES = { started: 'began', applied: 'ran', reverted: 'failed' } as const;

/** How the last run stands. */
export function seedIn(steps: readonly StepRow[]): { seed?: 'began' | 'ran' | 'failed' } {
  const last = steps.filter(({ migration }) => isSeedStep(migration)).at(-1);
  if (last === undefined) return {};
  return { seed: STATES[last.action] };
}
