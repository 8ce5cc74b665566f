/** Waiting for an operation in a command: what is shown meanwhile, what is printed at the end, and the exit code. */
import type { Response } from '../../contract/response.js';
import { exitCodeOf } from '../error-response.js';
import type { OperationHandle } from '../handle.js';
import { shellWord } from '../../contract/shell-word.js';
import { printAnswer } from './answers.js';
import { printJson, sayTo, type Io } from './io.js';
import { connectionFlags, type ConnectionFlags } from './options.js';
import { ProgressPrinter } from './progress.js';

export interface OutcomeOptions extends ConnectionFlags {
  json?: boolean;
  waitTimeout?: number;
  /** Exit code of an answer, where it is not that of `run`. */
  exitCode?: (response: Response) => number;
  /** Text instead of the usual, for people. */
  render?: (response: Response) => string | undefined;
}

/** The wait is over and the operation goes on. */
const STILL_RUNNING = 6;

/** Nothing to answer yet: how to come back. */
function printStillRunning(io: Io, handle: OperationHandle, options: OutcomeOptions): void {
  const { workflowId, runId = '' } = handle;
  if (options.json) printJson(io, { status: 'started', workflow_id: workflowId, run_id: runId, message: 'The operation goes on' });
  else {
    const rest = `${shellWord(workflowId)}${connectionFlags(options)}`;
    sayTo(io.stderr, `The operation goes on. Come back:  ${io.invokedAs} watch ${rest}\nStop it:    ${io.invokedAs} cancel ${rest}`);
  }
}

/** What a person can type after an answer that waits for a decision. */
function nextCommands(io: Io, { workflowId }: OperationHandle, response: Response, options: OutcomeOptions): string[] {
  if (response.status !== 'error' || !response.waiting_for?.length) return [];
  return response.waiting_for.map((way) => `  ${io.invokedAs} decide ${shellWord(workflowId)} ${way}${connectionFlags(options)}`);
}

/** Waits for the answer and prints it. @returns the exit code */
export async function printOutcome(io: Io, handle: OperationHandle, options: OutcomeOptions, progress?: Pick<ProgressPrinter, 'show' | 'notice'>): Promise<number> {
  const printer = progress ?? new ProgressPrinter(io, { workflowId: handle.workflowId, invokedAs: io.invokedAs, connectionFlags: connectionFlags(options) });
  let waited;
  try {
    waited = await handle.wait({
      onState: printer.show,
      onNotice: printer.notice,
      signal: io.signal,
      ...(options.waitTimeout === undefined ? {} : { timeoutSeconds: options.waitTimeout }),
    });
  } catch (error) {
    // Ctrl-C ends the waiting, never the operation.
    if (!io.signal.aborted) throw error;
    waited = { kind: 'timed_out' } as const;
  }
  if (waited.kind === 'timed_out') {
    printStillRunning(io, handle, options);
    return STILL_RUNNING;
  }
  const response = waited.response as Response;
  const text = options.json ? undefined : options.render?.(response);
  if (text !== undefined) sayTo(io.stdout, text);
  else printAnswer(io, response, options.json === true, nextCommands(io, handle, response, options));
  return (options.exitCode ?? exitCodeOf)(response);
}
