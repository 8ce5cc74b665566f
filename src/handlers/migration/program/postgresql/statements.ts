/** Statements that a program sent, as the grammar reads a script. */
import type { Statement } from '../../script/postgresql/parse.js';
import { parseNow, parseScript, type Script } from '../../script/postgresql/parse.js';

export interface Sent extends Script {
  /** Statements that the grammar does not read. */
  unread: number;
}

/** One after the other, so that one which the grammar refuses does not hide the rest. */
export async function readSent(statements: readonly string[]): Promise<Sent> {
  await parseScript(new Uint8Array());
  const read: Statement[] = [];
  let unread = 0;
  for (const sql of statements) {
    const script = parseNow(sql);
    if (script.error) unread += 1;
    read.push(...script.statements);
  }
  return { text: statements.join(';\n'), byteOrderMark: false, statements: read, error: unread > 0 ? { line: null } : null, unread };
}
