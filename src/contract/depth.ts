/** How deep values may be nested. Schemas, canonical JSON and JSON itself walk values by recursion, which ends in a crash. */

/** Deeper than anything of the contract, far from the depth at which recursion over the value would overflow. */
export const MAX_DEPTH = 64;

/** Whether lists and objects stand in one another more than `levels` deep. Never recurses further than that. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}
