/** One look at a running operation: cheap while nothing moves, and without a worker. */
import { QueryNotRegisteredError, type WorkflowExecutionDescription, type WorkflowHandle } from '@temporalio/client';
import { MEMO, QUERIES } from '../contract/names.js';
import type { OperationState } from '../contract/view.js';
import type { TemporalAccess } from './connect.js';
import { grpcStatus, GRPC } from './temporal-errors.js';

const QUERY_TIMEOUT_MS = 5_000;

export interface Sight {
  closed: boolean;
  runId: string;
  operation: string | undefined;
  environment: string | undefined;
  requestDigest: string | undefined;
  /** No worker has ever taken it up. */
  untouched: boolean;
  /** The task that waits for a worker, by the server's time of its making; undefined: none waits. */
  waitingTask: string | undefined;
  /** As of the last event; null where it cannot be asked (no worker, or not one of ours). */
  state: OperationState | null;
}

const memoText = (description: WorkflowExecutionDescription, key: string) => {
  const value: unknown = description.memo?.[key];
  return typeof value === 'string' ? value : undefined;
};

/** Event 3 of a history is the first task that a worker took. */
const FIRST_TASK_TAKEN = 3;

export function sightOf(description: WorkflowExecutionDescription): Omit<Sight, 'state'> {
  const pending = description.raw.pendingWorkflowTask;
  const scheduled = pending && pending.startedTime == null ? pending.originalScheduledTime ?? pending.scheduledTime : undefined;
  return {
    closed: description.status.name !== 'RUNNING' && description.status.name !== 'PAUSED',
    runId: description.runId,
    operation: memoText(description, MEMO.operation),
    environment: memoText(description, MEMO.environment),
    requestDigest: memoText(description, MEMO.requestDigest),
    untouched: description.historyLength < FIRST_TASK_TAKEN,
    waitingTask: scheduled == null ? undefined : `${String(scheduled.seconds)}.${scheduled.nanos ?? 0}`,
  };
}

/** Asks for the state; null where nobody answers. @throws only when Temporal itself fails. */
export async function queryState({ client }: TemporalAccess, handle: WorkflowHandle): Promise<OperationState | null> {
  try {
    return await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () => handle.query<OperationState>(QUERIES.state));
  } catch (error) {
    if (error instanceof QueryNotRegisteredError) return null;
    const status = grpcStatus(error);
    if (status === GRPC.deadlineExceeded || status === GRPC.failedPrecondition || status === GRPC.cancelled || status === GRPC.invalidArgument) return null;
    throw error;
  }
}

/** The operation's own state with that of the change that it waits for, as one. */
function together(operation: OperationState, change: OperationState): OperationState {
  const progress = [...operation.progress, ...change.progress];
  return {
    ...operation,
    phase: operation.phase === 'finished' ? operation.phase : change.phase,
    plan: change.plan ?? operation.plan,
    waiting_behind: change.waiting_behind,
    refused: [...operation.refused, ...change.refused],
    refused_count: operation.refused_count + change.refused_count,
    progress,
    progress_total: operation.progress_total + change.progress_total,
    answer: operation.answer ?? change.answer,
  };
}

/** A phase's state with that of the operation that it runs: what is waited for is that operation's. */
function withStep(phase: OperationState, step: OperationState): OperationState {
  const ended = step.phase === 'finished';
  return {
    ...phase,
    phase: ended ? phase.phase : step.phase,
    plan: step.plan,
    approval_deadline: step.approval_deadline,
    approvals: step.approvals,
    refused: step.refused,
    refused_count: step.refused_count,
    waiting_behind: step.waiting_behind,
    progress: [...phase.progress, ...step.progress],
    progress_total: phase.progress_total + step.progress_total,
    answer: ended ? phase.answer : step.answer,
  };
}

/**
 * What the running activity says of itself (which migration of how many, bytes dumped) as one more line. It travels by
 * heartbeats, which cost no history, so the workflow itself does not know it.
 */
function withRunningStep(state: OperationState, { raw }: WorkflowExecutionDescription): OperationState {
  const lines = (raw.pendingActivities ?? []).flatMap(({ heartbeatDetails, lastStartedTime }): OperationState['progress'] => {
    const message = messageIn(heartbeatDetails?.payloads?.[0]?.data);
    // The start of the activity, not of the heartbeat: said again and again, it is still one line.
    return message ? [{ at: new Date(Number(lastStartedTime?.seconds ?? 0) * 1000).toISOString(), phase: state.phase, message }] : [];
  });
  return lines.length === 0 ? state : { ...state, progress: [...state.progress, ...lines] };
}

function messageIn(payload: Uint8Array | null | undefined): string | null {
  try {
    const { message } = JSON.parse(Buffer.from(payload ?? []).toString('utf8')) as { message?: unknown };
    return typeof message === 'string' && message !== '' ? message.slice(0, 300) : null;
  } catch {
    return null;
  }
}

/**
 * Looks at one operation again and again. A query costs the worker a task, so it is asked only when the history has grown
 * since the last time; the history of the change, a child, counts too.
 */
export class Lookout {
  readonly #handle: WorkflowHandle;
  readonly #seen = new Map<string, { length: number; state: OperationState | null }>();

  constructor(
    private readonly access: TemporalAccess,
    readonly workflowId: string,
    runId?: string,
  ) {
    this.#handle = access.client.workflow.getHandle(workflowId, runId);
  }

  async look(): Promise<Sight> {
    const description = await this.#handle.describe();
    const sight = sightOf(description);
    const own = sight.untouched ? null : await this.#stateAt(this.#handle, description.historyLength);
    return { ...sight, state: own && (await this.#withParts(own, description)) };
  }

  /** With the operation that a phase runs now, and with the change that an operation waits for. */
  async #withParts(own: OperationState, description: WorkflowExecutionDescription): Promise<OperationState> {
    if (own.phase === 'finished') return own;
    const part = own.step_workflow_id ?? own.change_workflow_id;
    const state = part === null ? null : await this.#changeOf(part);
    if (state === null) return withRunningStep(own, description);
    return own.step_workflow_id ? withStep(own, state) : together(own, state);
  }

  async #changeOf(workflowId: string): Promise<OperationState | null> {
    const handle = this.access.client.workflow.getHandle(workflowId);
    try {
      const description = await handle.describe();
      const state = await this.#stateAt(handle, description.historyLength);
      return state && (await this.#withParts(state, description));
    } catch (error) {
      // The child's start is on its way.
      if (grpcStatus(error) === GRPC.notFound || (error instanceof Error && error.name === 'WorkflowNotFoundError')) return null;
      throw error;
    }
  }

  async #stateAt(handle: WorkflowHandle, length: number): Promise<OperationState | null> {
    const seen = this.#seen.get(handle.workflowId);
    if (seen !== undefined && seen.length === length && seen.state !== null) return seen.state;
    const state = await queryState(this.access, handle);
    this.#seen.set(handle.workflowId, { length, state });
    return state;
  }
}
