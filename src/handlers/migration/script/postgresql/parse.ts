/** A PostgreSQL script as the server's own grammar reads it. */
import { loadModule, parseSync, SqlError, type Node } from 'libpg-query';

export interface Statement {
  node: Node;
  /** 0-based UTF-16 offsets in `Script.text`; the end stands before the semicolon. */
  start: number;
  end: number;
  /** 1-based. */
  line: number;
}

export interface Script {
  /** The text as it is sent: a byte order mark is replaced by a space, so that positions stay. */
  text: string;
  byteOrderMark: boolean;
  statements: Statement[];
  /** Why the grammar refused the script; `statements` is empty then. */
  error: { line: number | null } | null;
}

/** The script's text. A byte order mark would be a syntax error for the server, so a space takes its place. */
function scriptText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replace(/^\uFEFF/, ' ');
}

/** Parses a script. A script that the grammar refuses is an answer, not an exception: the server may be newer than the grammar. */
export async function parseScript(bytes: Uint8Array): Promise<Script> {
  await loadModule();
  return parseNow(scriptText(bytes), bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf);
}

/** The same without waiting, once a script was parsed. */
export function parseNow(text: string, byteOrderMark = false): Script {
  const script: Script = { text, byteOrderMark, statements: [], error: null };
  if (!/\S/.test(text)) return script;
  try {
    const parsed = parseSync(text);
    const offsets = new ByteOffsets(text);
    for (const raw of parsed.stmts ?? []) {
      if (!raw.stmt) continue;
      const start = offsets.at(raw.stmt_location ?? 0);
      // A last statement without a semicolon has no length.
      const end = raw.stmt_len ? offsets.at((raw.stmt_location ?? 0) + raw.stmt_len) : text.length;
      script.statements.push({ node: raw.stmt, start, end, line: offsets.lineOf(start) });
    }
  } catch (error) {
    script.error = { line: error instanceof SqlError ? errorLine(text, error.sqlDetails?.cursorPosition) : null };
  }
  return script;
}

/** The grammar counts bytes, JavaScript counts UTF-16 units. Positions must be asked for in ascending order. */
class ByteOffsets {
  #bytes = 0;
  #units = 0;
  #lineUnits = 0;
  #line = 1;
  constructor(private readonly text: string) {}

  at(byte: number): number {
    while (this.#bytes < byte && this.#units < this.text.length) {
      const point = this.text.codePointAt(this.#units)!;
      this.#bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
      this.#units += point < 0x10000 ? 1 : 2;
    }
    return this.#units;
  }

  lineOf(unit: number): number {
    for (; this.#lineUnits < unit; this.#lineUnits++) if (this.text[this.#lineUnits] === '\n') this.#line++;
    return this.#line;
  }
}

/** `position` counts characters (code points) from 1. */
function errorLine(text: string, position: number | undefined): number | null {
  if (position === undefined) return null;
  return [...text].slice(0, position).join('').split('\n').length;
}
