/** What the operator's commands share: start one operation, show it, and print its answer. */
import { resolve } from 'node:path';
import type { OperationName, ParametersInput } from '../../contract/operation.js';
import { FaberError } from '../../contract/failure.js';
import { namedIn, parseRequest } from '../../contract/request.js';
import type { OperationState } from '../../contract/view.js';
import type { FaberClient } from '../client.js';
import type { OperationHandle } from '../handle.js';
import { errorResponse, exitCodeOf } from '../error-response.js';
import { requester } from '../requester.js';
import { defaultWorkingDirectory } from '../working-directory.js';
import { printAnswer } from './answers.js';
import { sayTo, type Io } from './io.js';
import { connectionFlags, withClient } from './options.js';
import { printOutcome, type OutcomeOptions } from './outcome.js';
import { ProgressPrinter } from './progress.js';

export interface OperateOptions extends OutcomeOptions {
  workingDirectory?: string;
  workflowId?: string;
  /** Approve by ourselves where the environment is not protected. */
  yes?: boolean;
}

/** Sends the approval that `--yes` stands for, once; never where the environment is protected. */
class YesSender {
  #sent = false;

  constructor(
    private readonly client: FaberClient,
    private readonly handle: OperationHandle,
    private readonly io: Io,
    private readonly printer: ProgressPrinter,
  ) {}

  show = (state: OperationState): void => {
    this.printer.show(state);
    if (this.#sent || state.phase !== 'waiting_for_approval' || state.plan === null) return;
    this.#sent = true;
    // Anything but a clear no counts as protected.
    if (state.plan.settings['protected'] !== false) {
      this.printer.notice('--yes approves nothing here: the environment is protected');
      return;
    }
    void this.#approve(state.plan.plan_hash);
  };

  async #approve(plan: string): Promise<void> {
    try {
      await this.client.approve(this.handle.workflowId, { plan, by: requester(undefined, this.io.env), comment: '--yes' });
    } catch (error) {
      this.printer.notice(error instanceof FaberError ? `--yes did not approve: ${error.message}` : '--yes did not approve');
    }
  }
}

/** Starts the operation, shows what it does on stderr, and prints the answer. @returns the exit code */
export async function operate<O extends OperationName>(io: Io, operation: O, parameters: ParametersInput<O>, options: OperateOptions): Promise<number> {
  const given = options.workingDirectory === undefined ? parameters : { ...parameters, working_directory: resolve(options.workingDirectory) };
  const request = { operation, parameters: given };
  try {
    // Told before a connection is tried: a wrong request needs no server.
    parseRequest(request, { workingDirectory: defaultWorkingDirectory(io.env) });
    return await follow(io, request, options);
  } catch (error) {
    const response = errorResponse(error, namedIn(request));
    printAnswer(io, response, options.json === true);
    return exitCodeOf(response);
  }
}

async function follow(io: Io, request: { operation: OperationName; parameters: unknown }, options: OperateOptions): Promise<number> {
  return withClient(io, options, async (client) => {
    const handle = await client.startRequest(request, options.workflowId === undefined ? {} : { workflowId: options.workflowId });
    sayTo(io.stderr, `${handle.startedByUs ? 'Started' : 'Joined'} ${request.operation}: ${handle.workflowId}`);
    const printer = new ProgressPrinter(io, { workflowId: handle.workflowId, invokedAs: io.invokedAs, connectionFlags: connectionFlags(options) });
    if (!options.yes) return printOutcome(io, handle, options, printer);
    const yes = new YesSender(client, handle, io, printer);
    return printOutcome(io, handle, options, { show: yes.show, notice: printer.notice });
  });
}
