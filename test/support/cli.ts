/** The command line as a test runs it. */
import { PassThrough } from 'node:stream';
import { beforeAll, expect } from 'vitest';
import { main } from '../../src/client/cli/main.js';
import { temporal } from './temporal.js';

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export interface CliOptions {
  stdin?: string | Uint8Array;
  /** A person sits at the terminal and types this when asked. */
  types?: string;
  env?: NodeJS.ProcessEnv;
  invokedAs?: string;
  signal?: AbortSignal;
  onErr?: (text: string) => void;
}

let connection: NodeJS.ProcessEnv = {};
beforeAll(async () => {
  const { address, namespace } = await temporal();
  connection = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
});

/** Runs one command line in this process, against the run's Temporal. */
export async function cli(argv: string[], options: CliOptions = {}): Promise<Ran> {
  const stdin = Object.assign(new PassThrough(), { isTTY: options.types !== undefined });
  if (options.types === undefined) stdin.end(options.stdin ?? '');
  const stdout = new PassThrough();
  const stderr = Object.assign(new PassThrough(), { isTTY: options.types !== undefined });
  let out = '';
  let err = '';
  stdout.on('data', (part: Buffer) => (out += part.toString()));
  stderr.on('data', (part: Buffer) => {
    err += part.toString();
    if (options.types !== undefined && part.toString().includes('? [y]es')) stdin.write(`${options.types}\n`);
    options.onErr?.(err);
  });
  const io = {
    stdin, stdout, stderr, env: { ...connection, ...options.env }, invokedAs: options.invokedAs ?? 'faber-db', signal: options.signal ?? new AbortController().signal,
  };
  const code = await main(argv, io);
  await new Promise((resolve) => setImmediate(resolve));
  return { code, out, err };
}

/** The one JSON object on stdout. */
export function answerIn({ out }: Ran): Record<string, unknown> {
  expect(out.trim().split('\n')).toHaveLength(1);
  return JSON.parse(out) as Record<string, unknown>;
}
