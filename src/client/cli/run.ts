/** `faber-db run`: one JSON request in, one JSON answer out. For pipelines and agents; it never asks. */
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { FaberError } from '../../contract/failure.js';
import { parseJsonText } from '../../contract/json-text.js';
import { namedIn, parseRequest } from '../../contract/request.js';
import { errorResponse, exitCodeOf } from '../error-response.js';
import { defaultWorkingDirectory } from '../working-directory.js';
import { printAnswer } from './answers.js';
import { printJson, sayTo, type Io } from './io.js';
import { waitTimeout, withClient, withConnection, type ConnectionFlags } from './options.js';
import { printOutcome } from './outcome.js';

interface RunOptions extends ConnectionFlags {
  request?: string;
  detach?: boolean;
  workflowId?: string;
  waitTimeout?: number;
}

const EXAMPLE = `{"operation": "migrate", "parameters": {"environment": "staging"}}`;
/** One byte more than a request may have, so that a longer one is noticed and not read on. */
const MOST_BYTES = 1024 * 1024 + 1;

async function read(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of stream) {
    const bytes = Buffer.from(part as Buffer);
    parts.push(bytes);
    length += bytes.length;
    if (length >= MOST_BYTES) break;
  }
  return Buffer.concat(parts);
}

async function readRequest(io: Io, path: string | undefined): Promise<unknown> {
  const suggestions = [`Example: ${EXAMPLE}`];
  if (path === undefined || path === '-') {
    if (io.stdin.isTTY) throw new FaberError({ code: 'invalid_request', message: 'No request: pipe it in, or name a file with --request', suggestions });
    return parseJsonText(await read(io.stdin), { what: 'The request on stdin', code: 'invalid_request', suggestions });
  }
  try {
    const file = await open(path, 'r');
    try {
      return parseJsonText(await read(file.createReadStream({ autoClose: false })), { what: 'The request file', code: 'invalid_request', suggestions });
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof FaberError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new FaberError({ code: 'invalid_request', message: `The request file cannot be read (${code})`, suggestions }, { cause: error });
  }
}

async function run(io: Io, options: RunOptions): Promise<number> {
  let raw: unknown;
  try {
    raw = await readRequest(io, options.request);
    // Told before a connection is tried: a wrong request needs no server.
    const request = parseRequest(raw, { workingDirectory: defaultWorkingDirectory(io.env) });
    return await withClient(io, options, async (client) => {
      const handle = await client.startRequest(raw, options.workflowId === undefined ? {} : { workflowId: options.workflowId });
      sayTo(io.stderr, `${handle.startedByUs ? 'Started' : 'Joined'} ${request.operation}: ${handle.workflowId}`);
      if (options.detach) {
        printJson(io, { status: 'started', workflow_id: handle.workflowId, run_id: handle.runId });
        return 0;
      }
      return printOutcome(io, handle, { ...options, json: true });
    });
  } catch (error) {
    const response = errorResponse(error, namedIn(raw));
    printAnswer(io, response, true);
    return exitCodeOf(response);
  }
}

export function addRun(program: Command, io: Io, done: (exitCode: number) => void): void {
  const command = program
    .command('run')
    .summary('run one JSON request (stdin or --request) and print one JSON answer')
    .description(`Runs one JSON request and prints one JSON answer on stdout; all else goes to stderr.\n\nExample: echo '${EXAMPLE}' | ${io.invokedAs} run`)
    .option('--request <file>', 'read the request from a file; - is stdin')
    .option('--detach', 'answer {"status":"started","workflow_id":…,"run_id":…} at once')
    .option('--workflow-id <id>', 'a repeated start with this id joins the operation, or returns the answer it gave')
    .addOption(waitTimeout())
    .addHelpText('after', '\nExit codes: 0 success, 1 invalid request or configuration, 3 failed, 4 cancelled or refused,\n5 stopped and waiting for a person, 6 --wait-timeout over (the operation goes on).');
  withConnection(command).action(async (options: RunOptions) => done(await run(io, options)));
}
