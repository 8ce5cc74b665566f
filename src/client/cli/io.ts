/** What a command reads and writes. Answers go to stdout and nothing else does. */
import { basename } from 'node:path';
import type { Readable, Writable } from 'node:stream';

export interface Io {
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable;
  stderr: Writable & { isTTY?: boolean };
  env: NodeJS.ProcessEnv;
  /** The words that start this program again, for printed commands. */
  invokedAs: string;
  /** Aborted when the person presses Ctrl-C or the system asks us to end. */
  signal: AbortSignal;
}

/**
 * The words that start this program again: `faber-db` where it is on PATH, `npx faber-db` in a checkout, else the script
 * itself. Outside the checkout `npx faber-db` would ask a registry.
 */
export function invokedAs(script: string | undefined, env: NodeJS.ProcessEnv): string {
  if (env['npm_command'] === 'exec') return 'npx faber-db';
  if (script === undefined || basename(script) === 'faber-db') return 'faber-db';
  return `node ${script}`;
}

export function sayTo(stream: Writable, text: string): void {
  stream.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printJson(io: Io, value: unknown): void {
  sayTo(io.stdout, JSON.stringify(value));
}

/** Whether a person sits there who can be asked. */
export function isInteractive(io: Io): boolean {
  return io.stdin.isTTY === true && io.stderr.isTTY === true;
}
