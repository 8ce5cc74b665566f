/** Waiting for an answer: until the operation ends, stops for a person's decision, or the caller's time is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from '../contract/response.js';
import type { OperationState } from '../contract/view.js';
import { answerOfFailure, answerOfResult } from './answer.js';
import type { TemporalAccess } from './connect.js';
import type { Named } from './error-response.js';
import { Lookout, type Sight } from './look.js';
import { hasWorker, noWorker } from './task-queue.js';
import { FaberError } from '../contract/failure.js';
import { toFaberError } from './temporal-errors.js';

export interface WaitOptions {
  /** Give up waiting after this long; the operation goes on. Default: never. */
  timeoutSeconds?: number;
  /** Called with each new state. */
  onState?: (state: OperationState) => void;
  /** Called with what the caller should know meanwhile: no worker, Temporal not reachable. */
  onNotice?: (text: string) => void;
  signal?: AbortSignal;
}

export type Waited = { kind: 'answered'; response: Response } | { kind: 'timed_out' };

export interface Operation {
  access: TemporalAccess;
  workflowId: string;
  runId?: string;
  taskQueue: string;
  named: Named;
  /** We started it just now, so that it may be taken back while no worker has seen it. */
  startedByUs: boolean;
}

/** No worker took the same task for this long, by our own watch: nothing moves. */
const STUCK_AFTER_MS = 8_000;
const LOOK_EVERY_MS = 500;
const LOOK_SELDOM_EVERY_MS = 3_000;
/** From here on an answer may be a little late. */
const SELDOM_AFTER_MS = 60_000;
/** A restart of the Temporal server takes less. */
const UNAVAILABLE_FOR_MS = 120_000;

const never = () => new Promise<never>(() => {});

/** The answer when the workflow closes. */
async function closing({ access, workflowId, runId, named }: Operation, signal: AbortSignal): Promise<Response> {
  const handle = access.client.workflow.getHandle(workflowId, runId);
  try {
    return answerOfResult(await access.client.withAbortSignal(signal, () => handle.result()), named);
  } catch (error) {
    const answer = answerOfFailure(error, named);
    if (answer) return answer;
    throw error;
  }
}

class Wait {
  readonly #ended = new AbortController();
  readonly #lookout: Lookout;
  readonly #began = Date.now();
  #lastShown = '';
  #noticed = '';
  #takenBack = false;
  #waiting: { task: string | undefined; since: number } = { task: undefined, since: 0 };

  constructor(
    private readonly of: Operation,
    private readonly options: WaitOptions,
  ) {
    this.#lookout = new Lookout(of.access, of.workflowId, of.runId);
  }

  async run(): Promise<Waited> {
    const onAbort = () => this.#ended.abort(this.options.signal?.reason);
    this.options.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([this.#untilClosed(), this.#untilDecisionNeeded(), this.#untilTimeout()]);
    } finally {
      this.#ended.abort();
      this.options.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Outlives a restart of the Temporal server. */
  async #patiently<T>(call: () => Promise<T>): Promise<T> {
    for (let since: number | undefined; ; ) {
      try {
        return await call();
      } catch (error) {
        const facts = toFaberError(error, this.of.access, this.of.workflowId);
        if (this.#ended.signal.aborted) throw facts;
        since ??= Date.now();
        if (facts.code !== 'temporal_unavailable' || Date.now() - since > UNAVAILABLE_FOR_MS) throw facts;
        this.#notice(`${facts.message}; trying again`);
        await this.#pause(LOOK_EVERY_MS);
      }
    }
  }

  async #untilClosed(): Promise<Waited> {
    const response = await this.#patiently(() => closing(this.of, this.#ended.signal));
    // Taking it back closes it too, and that is not its answer.
    return this.#takenBack ? never() : { kind: 'answered', response };
  }

  async #untilDecisionNeeded(): Promise<Waited> {
    for (;;) {
      const sight = await this.#patiently(() => this.#lookout.look());
      this.#show(sight.state);
      const answer = sight.state?.answer;
      if (answer && sight.state?.phase === 'waiting_for_decision') return { kind: 'answered', response: answer };
      if (sight.closed) return this.#untilClosed();
      await this.#requireMovement(sight);
      await this.#pause(Date.now() - this.#began < SELDOM_AFTER_MS ? LOOK_EVERY_MS : LOOK_SELDOM_EVERY_MS);
    }
  }

  async #untilTimeout(): Promise<Waited> {
    const { timeoutSeconds } = this.options;
    if (timeoutSeconds === undefined) return never();
    await this.#pause(timeoutSeconds * 1000);
    return { kind: 'timed_out' };
  }

  async #requireMovement({ waitingTask, untouched }: Sight): Promise<void> {
    if (waitingTask !== this.#waiting.task) this.#waiting = { task: waitingTask, since: Date.now() };
    if (waitingTask === undefined || Date.now() - this.#waiting.since < STUCK_AFTER_MS) return;
    const { access, taskQueue, workflowId, runId, startedByUs } = this.of;
    if (untouched && startedByUs) {
      // Nobody has seen it: taken back, so that it does not surprise anybody when a worker comes back tomorrow.
      this.#takenBack = true;
      await access.client.workflow.getHandle(workflowId, runId).terminate('no worker');
      throw noWorker(taskQueue, access.address, 'nothing was started');
    }
    // A worker that died a moment ago may be back soon, and the operation goes on then.
    if (await this.#patiently(() => hasWorker(access, taskQueue))) this.#notice('Waiting for a worker to go on');
    else throw noWorker(taskQueue, access.address, untouched ? 'the operation has not begun' : 'the operation goes on when one comes back');
  }

  #show(state: OperationState | null): void {
    if (state === null || !this.options.onState) return;
    const text = JSON.stringify(state);
    if (text === this.#lastShown) return;
    this.#lastShown = text;
    this.options.onState(state);
  }

  #notice(text: string): void {
    if (text === this.#noticed) return;
    this.#noticed = text;
    this.options.onNotice?.(text);
  }

  /** @throws FaberError when the wait has ended, so that every loop ends with it. */
  async #pause(milliseconds: number): Promise<void> {
    try {
      await sleep(milliseconds, undefined, { signal: this.#ended.signal });
    } catch (error) {
      throw new FaberError({ code: 'cancelled', message: 'The wait was given up; the operation goes on' }, { cause: error });
    }
  }
}

/**
 * Waits for the answer of an operation.
 * @throws FaberError no_worker, temporal_unavailable (after two minutes), operation_not_found; cancelled when `signal` aborts.
 */
export function waitForAnswer(of: Operation, options: WaitOptions = {}): Promise<Waited> {
  return new Wait(of, options).run();
}

/** Each new state until the operation ends or `signal` aborts. */
export async function* watchStates(access: TemporalAccess, workflowId: string, signal?: AbortSignal): AsyncGenerator<OperationState, void> {
  const lookout = new Lookout(access, workflowId);
  let last = '';
  while (signal?.aborted !== true) {
    const sight = await lookout.look().catch((error: unknown) => {
      throw toFaberError(error, access, workflowId);
    });
    const text = JSON.stringify(sight.state);
    if (sight.state !== null && text !== last) yield sight.state;
    last = text;
    if (sight.closed) return;
    await sleep(LOOK_EVERY_MS, undefined, signal ? { signal } : {}).catch(() => undefined);
  }
}
