/** Finds the name that was probably meant. */

function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** Spelling that people mix up: case, and dash against underscore. */
const folded = (name: string) => name.toLowerCase().replaceAll('-', '_');

/**
 * The known name nearest to `name`, or undefined when none is near enough to be a typo of it.
 * A name that the other one begins with counts as near (`rollback` for `rollback-to`).
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  // Longer than any name of ours: comparing it would only cost time.
  if (name.length > 100) return undefined;
  const wanted = folded(name);
  let best: { name: string; score: number } | undefined;
  for (const candidate of known) {
    const other = folded(candidate);
    const extends_ = wanted.length >= 4 && (other.startsWith(wanted) || wanted.startsWith(other));
    const score = extends_ ? 1 : distance(wanted, other);
    if (!best || score < best.score) best = { name: candidate, score };
  }
  return best && best.score <= Math.max(1, Math.floor(wanted.length / 3)) ? best.name : undefined;
}
