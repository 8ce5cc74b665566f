/** The orders in which Prisma applies migrations, by their names. */

/** As Prisma 5 and 6 do. */
export function byBytes(names: readonly string[]): string[] {
  return [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** As Prisma 7 does. The locale is fixed here: the plan must not depend on the worker's. */
export function byLocale(names: readonly string[]): string[] {
  return byBytes(names).sort((a, b) => a.localeCompare(b, 'en'));
}
