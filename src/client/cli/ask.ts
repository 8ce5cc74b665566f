/** A question on the terminal. */
import { createInterface } from 'node:readline/promises';
import type { Io } from './io.js';

/** One line, trimmed; empty when the terminal closes or Ctrl-C is pressed. The question goes to stderr: stdout is for answers. */
export async function ask(io: Io, question: string): Promise<string> {
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  try {
    const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    return (await Promise.race([lines.question(question, { signal: io.signal }), closed])).trim();
  } catch (error) {
    if (io.signal.aborted) return '';
    throw error;
  } finally {
    lines.close();
  }
}
