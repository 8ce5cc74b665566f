/** Random values that one printed seed makes again: `FABER_DB_SEED=… npm test -- <file>`. */

export interface Random {
  readonly seed: number;
  /** From 0 to below 1. */
  next(): number;
  /** A whole number from 0 to below `end`. */
  below(end: number): number;
  chance(probability: number): boolean;
  pick<T>(of: readonly T[]): T;
}

/** mulberry32: small, fast, and the same everywhere. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return { seed, next, below, chance: (probability) => next() < probability, pick: (of) => of[below(of.length)]! };
}

/** A new seed each run, or the one to be repeated. Printed, so that a failure can be. */
export function printedSeed(what: string): Random {
  const wished = process.env['FABER_DB_SEED'];
  const seed = wished === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(wished);
  console.info(`${what}: FABER_DB_SEED=${seed}`);
  return seeded(seed);
}
