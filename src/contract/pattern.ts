/** Names of people and patterns of them. Runs in workflows too. */

export const foldName = (name: string): string => name.trim().toLowerCase();
export const sameName = (a: string, b: string): boolean => foldName(a) === foldName(b);

/** `*` stands for any characters; matching is by segments, never by a regular expression made of config text. */
export function matchesPattern(pattern: string, name: string): boolean {
  const parts = foldName(pattern).split('*');
  let rest = foldName(name);
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return rest === first;
  if (!rest.startsWith(first) || !rest.endsWith(last) || rest.length < first.length + last.length) return false;
  rest = rest.slice(first.length, rest.length - last.length);
  for (const part of parts.slice(1, -1)) {
    const at = rest.indexOf(part);
    if (at < 0) return false;
    rest = rest.slice(at + part.length);
  }
  return true;
}
