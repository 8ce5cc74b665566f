/** A started operation. */
import { FaberError } from '../contract/failure.js';
import type { OperationName } from '../contract/operation.js';
import type { WayOut } from '../contract/response.js';
import type { OperationState } from '../contract/view.js';
import type { FaberClient, Decided, WayOutChosen } from './client.js';
import type { Recorded } from './decide.js';
import type { Answer } from './results.js';
import { waitForAnswer, type WaitOptions } from './wait.js';

/** As `OperationHandle.wait` answers: the answer, or that the time is over while the operation goes on. */
export type WaitOutcome<O extends OperationName> = { kind: 'answered'; response: Answer<O> } | { kind: 'timed_out' };

export interface HandleFacts {
  workflowId: string;
  /** The run that this handle is about; none: the latest. */
  runId?: string;
  environment?: string;
  operation?: string;
  taskQueue: string;
  startedByUs: boolean;
}

export class OperationHandle<O extends OperationName = OperationName> {
  constructor(
    private readonly client: FaberClient,
    private readonly facts: HandleFacts,
  ) {}

  get workflowId(): string {
    return this.facts.workflowId;
  }

  get runId(): string | undefined {
    return this.facts.runId;
  }

  /** False: an operation with this id and the same request was there already. */
  get startedByUs(): boolean {
    return this.facts.startedByUs;
  }

  /**
   * Waits for the answer. An operation that stopped after a failure and waits for a person answers too
   * (`status: error`, `waiting_for`), and stays open.
   * @throws FaberError no_worker, temporal_unavailable, operation_not_found; cancelled when `signal` aborts.
   */
  async wait(options: WaitOptions = {}): Promise<WaitOutcome<O>> {
    const { workflowId, runId, environment, operation, taskQueue, startedByUs } = this.facts;
    const waited = await waitForAnswer(
      {
        access: this.client.access,
        workflowId,
        ...(runId === undefined ? {} : { runId }),
        taskQueue,
        startedByUs,
        named: { ...(operation === undefined ? {} : { operation }), ...(environment ? { environment } : {}) },
      },
      options,
    );
    // The shape of a result is the worker's promise; the status was checked.
    return waited as WaitOutcome<O>;
  }

  /** Waits for the answer, however long. @throws as `wait`. */
  async result(options: Omit<WaitOptions, 'timeoutSeconds'> = {}): Promise<Answer<O>> {
    const waited = await this.wait(options);
    if (waited.kind === 'timed_out') throw new FaberError({ code: 'internal', message: 'A wait without a limit timed out' });
    return waited.response;
  }

  state(): Promise<OperationState> {
    return this.client.state(this.workflowId);
  }

  watch(signal?: AbortSignal): AsyncGenerator<OperationState, void> {
    return this.client.watch(this.workflowId, signal);
  }

  approve(decision: Decided): Promise<Recorded> {
    return this.client.approve(this.workflowId, decision);
  }

  reject(decision: Decided): Promise<Recorded> {
    return this.client.reject(this.workflowId, decision);
  }

  resolve(choice: WayOut, by: string, more: Omit<WayOutChosen, 'choice' | 'by'> = {}): Promise<Recorded> {
    return this.client.resolve(this.workflowId, { choice, by, ...more });
  }

  cancel(): Promise<void> {
    return this.client.cancel(this.workflowId);
  }
}
