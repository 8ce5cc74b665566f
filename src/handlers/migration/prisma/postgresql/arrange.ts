/** Makes of the engine's scripts what can be kept: one transaction each, and names without the schema that one environment has. */
import { loadModule, scanSync, type ScanToken } from 'libpg-query';

/**
 * The engine puts BEGIN and COMMIT around the change of an enum. In the middle of a script they would commit half of it; around
 * all of it they say nothing, since a migration is one transaction anyway.
 */
export async function asOneTransaction(script: string): Promise<string> {
  return cut(script, (tokens) =>
    tokens.flatMap((token, at) => {
      const semicolon = tokens[at + 1];
      const opens = at === 0 || tokens[at - 1]?.text === ';';
      return opens && semicolon?.text === ';' && /^(BEGIN|COMMIT)$/i.test(token.text) ? [{ start: token.start, end: semicolon.end, line: true }] : [];
    }),
  );
}

/**
 * Takes the schema off names that have it. Downs name it and ups don't: with it, the down of one environment (`?schema=`)
 * would reach into the schema of another.
 */
export async function withoutSchema(script: string, schema: string): Promise<string> {
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  return cut(script, (tokens) =>
    tokens.flatMap((token, at) => {
      const dot = tokens[at + 1];
      return token.text === quoted && dot?.text === '.' && tokens[at - 1]?.text !== '.' ? [{ start: token.start, end: dot.end, line: false }] : [];
    }),
  );
}

interface Cut { start: number; end: number; /** With the rest of its line. */ line: boolean }

/** By the server's own scanner, so that what stands in strings and comments stays. It counts bytes. */
async function cut(script: string, find: (tokens: ScanToken[]) => Cut[]): Promise<string> {
  await loadModule();
  const bytes = Buffer.from(script);
  const tokens = scanSync(script).tokens.filter(({ text }) => !/^(--|\/\*)/.test(text));
  const kept: Buffer[] = [];
  let from = 0;
  for (const { start, end, line } of find(tokens)) {
    kept.push(bytes.subarray(from, start));
    from = line && bytes[end] === 0x0a ? end + 1 : end;
  }
  return Buffer.concat([...kept, bytes.subarray(from)]).toString('utf8');
}
