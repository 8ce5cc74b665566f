/** The typed client: what pipelines, programs and the CLI use. It knows Temporal and the contract, and no database. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaberError } from '../contract/failure.js';
import { DEFAULT_TASK_QUEUE } from '../contract/names.js';
import type { OperationName, ParametersInput, Resolution } from '../contract/operation.js';
import { parseRequest, requesterIn } from '../contract/request.js';
import type { WayOut } from '../contract/response.js';
import type { OperationState } from '../contract/view.js';
import { connectTemporal, type ConnectOptions, type TemporalAccess } from './connect.js';
import { decide, planHashOf, type Recorded, signatureFacts } from './decide.js';
import { OperationHandle } from './handle.js';
import { listOperations, type ListedOperation, type ListOptions } from './list.js';
import { Lookout, queryState, sightOf } from './look.js';
import { requester } from './requester.js';
import { Schedules } from './schedules.js';
import type { Answer } from './results.js';
import { type PrivateKey, signDecision } from './sign.js';
import { startOperation } from './start.js';
import { toFaberError } from './temporal-errors.js';
import { watchStates } from './wait.js';
import { defaultWorkingDirectory } from './working-directory.js';

const TAKEN_UP_WITHIN_MS = 5_000;

export interface StartOptions {
  /** An id of your own makes a repeated start join the operation, or return the answer it gave. */
  workflowId?: string;
  /** Who asks. Default: the CI's actor, else user@host. */
  requestedBy?: string;
}

/** An approval or refusal of one plan. */
export interface Decided {
  /** The first 8 or more hex digits of `plan_hash`. */
  plan: string;
  /** Who decides. */
  by: string;
  comment?: string;
  /** What really happened to failed migrations that another runner left, by name. */
  resolve?: Resolution;
  /** Signs the decision, where the config wants that (`safety.approval.verification: signed`). */
  key?: PrivateKey;
}

/** The way out of a failure that waits for a person. */
export interface WayOutChosen {
  choice: WayOut;
  by: string;
  comment?: string;
  resolve?: Resolution;
  /** Default: the plan that the operation shows. */
  plan?: string;
  /** As for an approval. */
  key?: PrivateKey;
}

export class FaberClient {
  private constructor(
    /** The connection underneath, for what this client does not cover. */
    readonly access: TemporalAccess,
    readonly taskQueue: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /**
   * Connects by the settings of `@temporalio/envconfig` (TEMPORAL_* variables and profiles), loopback without any.
   * @throws FaberError temporal_unavailable.
   */
  static async connect(options: ConnectOptions = {}): Promise<FaberClient> {
    const env = options.env ?? process.env;
    return new FaberClient(await connectTemporal(options), options.taskQueue ?? env['FABER_DB_TASK_QUEUE'] ?? DEFAULT_TASK_QUEUE, env);
  }

  /**
   * Starts an operation.
   * @throws FaberError invalid_request, no_worker (within ten seconds), operation_id_conflict, temporal_unavailable.
   */
  async start<O extends OperationName>(operation: O, parameters: ParametersInput<O>, options: StartOptions = {}): Promise<OperationHandle<O>> {
    return (await this.startRequest({ operation, parameters }, options)) as OperationHandle<O>;
  }

  /** Starts a request as JSON callers write it. @throws as `start`. */
  async startRequest(raw: unknown, options: StartOptions = {}): Promise<OperationHandle> {
    const request = parseRequest(raw, { workingDirectory: defaultWorkingDirectory(this.env) });
    const { environment } = request.parameters as { environment?: string };
    const started = await startOperation(this.access, {
      request,
      requestedBy: requester(options.requestedBy ?? requesterIn(raw), this.env),
      taskQueue: this.taskQueue,
      ...(options.workflowId === undefined ? {} : { workflowId: options.workflowId }),
    });
    return new OperationHandle(this, { ...started, operation: request.operation, ...(environment === undefined ? {} : { environment }), taskQueue: this.taskQueue });
  }

  /** Starts an operation and waits for its answer. @throws as `start` and `OperationHandle.wait`. */
  async run<O extends OperationName>(operation: O, parameters: ParametersInput<O>, options: StartOptions = {}): Promise<Answer<O>> {
    return (await this.start(operation, parameters, options)).result();
  }

  /** The plan of a migrate, without changing anything. @throws as `run`. */
  preview(parameters: ParametersInput<'migrate-preview'>, options: StartOptions = {}): Promise<Answer<'migrate-preview'>> {
    return this.run('migrate-preview', parameters, options);
  }

  /** The operation with this id. @throws FaberError operation_not_found. */
  async join(workflowId: string): Promise<OperationHandle> {
    try {
      const sight = sightOf(await this.access.client.workflow.getHandle(workflowId).describe());
      return new OperationHandle(this, {
        workflowId,
        runId: sight.runId,
        startedByUs: false,
        taskQueue: this.taskQueue,
        ...(sight.operation === undefined ? {} : { operation: sight.operation }),
        ...(sight.environment === undefined ? {} : { environment: sight.environment }),
      });
    } catch (error) {
      throw toFaberError(error, this.access, workflowId);
    }
  }

  /** Approves one plan. @throws FaberError invalid_request when the approval does not count, with the reason. */
  approve(workflowId: string, decision: Decided): Promise<Recorded> {
    return this.#decide(workflowId, 'approve', decision);
  }

  /** Refuses one plan: the operation ends as cancelled, nothing changed. @throws as `approve`. */
  reject(workflowId: string, decision: Decided): Promise<Recorded> {
    return this.#decide(workflowId, 'reject', decision);
  }

  /** What a phase waits for is decided at the operation that it runs. */
  async #decidedAt(workflowId: string): Promise<string> {
    const state = await queryState(this.access, this.access.client.workflow.getHandle(workflowId)).catch(() => null);
    return state?.step_workflow_id ?? workflowId;
  }

  async #decide(asked: string, decision: Recorded['recorded'], { key, ...said }: Decided): Promise<Recorded> {
    const workflowId = await this.#decidedAt(asked);
    if (key === undefined) return decide(this.access, workflowId, { decision, ...said });
    const { by, comment, resolve } = said;
    const facts = await signatureFacts(this.access, workflowId, said.plan);
    // All that decides something stands in the token; what stands beside it would not be signed.
    const token = await signDecision(key, { ...facts, decision, sub: by, ...(comment === undefined ? {} : { comment }), ...(resolve === undefined ? {} : { resolve }) });
    return decide(this.access, workflowId, { decision, plan: facts.plan, token });
  }

  /** Chooses the way out of a failure. @throws FaberError invalid_request when it is not offered. */
  async resolve(workflowId: string, { choice, plan, ...rest }: WayOutChosen): Promise<Recorded> {
    const state = await this.state(workflowId);
    const offered = state.answer?.status === 'error' ? (state.answer.waiting_for ?? []) : [];
    if (!offered.includes(choice)) {
      throw new FaberError({
        code: 'invalid_request',
        message: `Operation '${workflowId}' does not wait for '${choice}'`,
        suggestions: [offered.length > 0 ? `It waits for: ${offered.join(', ')}` : `It does not wait for a decision after a failure (phase: ${state.phase})`],
      });
    }
    const recorded = await this.#decide(workflowId, choice, { plan: plan ?? (await planHashOf(this.access, await this.#decidedAt(workflowId))), ...rest });
    await this.#untilTakenUp(workflowId, JSON.stringify(state.answer));
    return recorded;
  }

  /** The choice passes through two workflows; whoever waits for the outcome right away must not get the old answer again. */
  async #untilTakenUp(workflowId: string, answer: string): Promise<void> {
    for (const until = Date.now() + TAKEN_UP_WITHIN_MS; Date.now() < until; await sleep(100)) {
      const state = await this.state(workflowId).catch(() => null);
      if (state !== null && (state.phase !== 'waiting_for_decision' || JSON.stringify(state.answer) !== answer)) return;
    }
  }

  /** Asks the operation to stop: before a change nothing is changed, after it what was changed is undone. */
  async cancel(workflowId: string): Promise<void> {
    try {
      await this.access.client.workflow.getHandle(workflowId).cancel();
    } catch (error) {
      throw toFaberError(error, this.access, workflowId);
    }
  }

  /** What the operation does, waits for and has done. @throws FaberError operation_not_found, no_worker. */
  async state(workflowId: string): Promise<OperationState> {
    const sight = await new Lookout(this.access, workflowId).look().catch((error: unknown) => {
      throw toFaberError(error, this.access, workflowId);
    });
    if (sight.state !== null) return sight.state;
    throw new FaberError({
      code: 'no_worker',
      message: `The state of '${workflowId}' cannot be read: no worker answers on the task queue '${this.taskQueue}'`,
      suggestions: [`Start one: faber-db worker --task-queue ${this.taskQueue}`],
    });
  }

  /** Each new state until the operation ends. */
  watch(workflowId: string, signal?: AbortSignal): AsyncGenerator<OperationState, void> {
    return watchStates(this.access, workflowId, signal);
  }

  /** Operations that Temporal knows, newest first. */
  list(options: ListOptions = {}): Promise<ListedOperation[]> {
    return listOperations(this.access, options);
  }

  /** Backups, retention and restore drills that Temporal starts by itself. */
  get schedules(): Schedules {
    return new Schedules(this.access, this.taskQueue, async (directory) => {
      const answer = await this.run('read-schedules', directory === undefined ? {} : { working_directory: directory });
      if (answer.status === 'success') return answer.result;
      throw new FaberError(answer.status === 'error' ? { code: answer.code, message: answer.error, suggestions: answer.recovery.suggestions } : { code: 'cancelled', message: answer.message });
    });
  }

  async close(): Promise<void> {
    await this.access.connection.close();
  }
}
