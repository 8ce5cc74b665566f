/** Where JSON text breaks. The engine's own message has no position for most faults, and quotes the text around it. */

const TOKEN = /\s*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|true\b|false\b|null\b))/uy;

type Expect = 'value' | 'value or ]' | 'key or }' | 'key' | ':' | ', or end' | 'end';

/** What may come after a value, given what is open. */
const after = (open: readonly string[]): Expect => (open.length > 0 ? ', or end' : 'end');

function step(expect: Expect, mark: string | undefined, text: boolean, open: string[]): Expect | undefined {
  const wantsValue = expect === 'value' || expect === 'value or ]';
  const wantsKey = expect === 'key' || expect === 'key or }';
  if (mark === undefined) {
    if (wantsKey) return text ? ':' : undefined;
    return wantsValue ? after(open) : undefined;
  }
  if (mark === ':') return expect === ':' ? 'value' : undefined;
  if (mark === ',') return expect !== ', or end' ? undefined : open.at(-1) === '{' ? 'key' : 'value';
  if (mark === '{' || mark === '[') {
    if (!wantsValue) return undefined;
    open.push(mark);
    return mark === '{' ? 'key or }' : 'value or ]';
  }
  const closes = mark === '}' ? '{' : '[';
  if (open.at(-1) !== closes || (expect !== ', or end' && expect !== (mark === '}' ? 'key or }' : 'value or ]'))) return undefined;
  open.pop();
  return after(open);
}

/** Line and column (from 1) of the first character that does not belong, in text that is not valid JSON. */
export function brokenAt(text: string): { line: number; column: number } {
  const open: string[] = [];
  let expect: Expect = 'value';
  TOKEN.lastIndex = 0;
  let at = 0;
  for (;;) {
    const token = TOKEN.exec(text);
    const next: Expect | undefined = token ? step(expect, token[1], token[2] !== undefined, open) : undefined;
    if (!next) break;
    expect = next;
    at = TOKEN.lastIndex;
  }
  while (/\s/.test(text[at] ?? '')) at += 1;
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
