/**
 * A phase of a pipeline: steps one after the other, most of them operations, which run as children with everything that guards them
 * (plan, approval, lock, undo). What a step waits for is decided at the step's own operation; clients find it by `step_workflow_id`.
 */
import {
  ApplicationFailure, CancellationScope, ChildWorkflowCancellationType, ChildWorkflowFailure, executeChild, ParentClosePolicy, setCurrentDetails, workflowInfo,
} from '@temporalio/workflow';
import type { LoadedOperation } from '../../activities/contract.js';
import type { FailureFacts, OperationInput, OperationName, PhaseName, PhaseStep, Response, Settings } from '../../contract/index.js';
import { MEMO, WORKFLOW_TYPES } from '../../contract/names.js';
import { cancelledAnswer, failureAnswer } from '../guarded/answers.js';
import { plain } from '../guarded/details.js';
import { endOperation } from '../guarded/end.js';
import type { Progress } from '../guarded/progress.js';
import { endedByCancel, factsOf, stepsOn } from '../guarded/steps.js';
import { unguarded } from '../unguarded.js';

/** How a step ended that is no operation: done, or nothing was to be done. */
export interface StepDone {
  message: string;
  nothing?: boolean;
}

class StepEnded extends Error {
  constructor(readonly answer: Response) {
    super('a step ended the phase');
  }
}

export class Phase {
  readonly #steps: PhaseStep[] = [];
  readonly #startedAt = Date.now();

  constructor(
    readonly name: PhaseName,
    readonly settings: Settings,
    private readonly progress: Progress,
  ) {}

  get result() {
    return { steps: this.#steps, duration_seconds: secondsSince(this.#startedAt) };
  }

  /** Runs an operation as a child. Returns when it succeeded. @throws StepEnded with the phase's answer otherwise */
  async operation(step: string, operation: OperationName, parameters: Record<string, unknown>, more: Pick<OperationInput, 'phase'> = {}): Promise<void> {
    const { workflowId, runId } = workflowInfo();
    const id = `${workflowId}/${operation}-${runId.slice(0, 8)}`;
    const began = this.#begin(step, `${operation} runs as ${id}`);
    this.progress.stepWorkflowId = id;
    const answer = await this.#answerOf(operation, id, { environment: this.settings.environment, working_directory: this.settings.working_directory, ...parameters }, more);
    this.progress.stepWorkflowId = null;
    const nothing = answer.status === 'success' && (answer.result['migrations_applied'] === 0 || answer.result['generated'] === false);
    const status = answer.status === 'success' ? (nothing ? 'nothing_to_do' : 'done') : answer.status === 'error' ? 'failed' : 'cancelled';
    this.#end({ step, status, message: answer.status === 'error' ? answer.error : answer.message, operation_id: id, duration_seconds: secondsSince(began) });
    if (answer.status !== 'success') throw new StepEnded(this.#passedOn(step, answer));
  }

  /** Runs a step of the phase's own. @throws StepEnded */
  async own(step: string, message: string, work: () => Promise<StepDone>): Promise<void> {
    const began = this.#begin(step, message);
    try {
      const done = await work();
      this.#end({ step, status: done.nothing === true ? 'nothing_to_do' : 'done', message: done.message, duration_seconds: secondsSince(began) });
    } catch (error) {
      if (endedByCancel(error)) throw error;
      const facts = factsOf(error);
      this.#end({ step, status: 'failed', message: facts.message, duration_seconds: secondsSince(began) });
      throw new StepEnded(this.#failed(step, facts));
    }
  }

  #failed(step: string, facts: FailureFacts): Response {
    const answer = failureAnswer(this.name, this.settings.environment, { ...facts, message: `${this.name}: ${step} failed: ${facts.message}` });
    return { ...answer, result: { ...answer.result, ...this.result } };
  }

  /** A step's answer as the phase's: what happened to the database stays in it. */
  #passedOn(step: string, answer: Exclude<Response, { status: 'success' }>): Response {
    const result = { ...answer.result, ...this.result };
    if (answer.status === 'error') return { ...answer, operation: this.name, error: `${this.name}: ${step} failed: ${answer.error}`, result };
    return { ...answer, operation: this.name, message: `${this.name}: ${answer.message}`, result };
  }

  async #answerOf(operation: OperationName, id: string, parameters: Record<string, unknown>, more: Pick<OperationInput, 'phase'>): Promise<Response> {
    const { environment } = this.settings;
    try {
      return (await executeChild(WORKFLOW_TYPES[operation], {
        workflowId: id,
        args: [{ request: { operation, parameters }, requested_by: this.progress.requestedBy, ...more } satisfies OperationInput],
        // A phase that is terminated, or a pipeline that forgets it, ends no operation in the middle.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        memo: { [MEMO.operation]: operation, [MEMO.environment]: environment, [MEMO.requestedBy]: this.progress.requestedBy },
        staticSummary: `${operation} ${environment} (${this.name})`.slice(0, 180),
      })) as Response;
    } catch (error) {
      const answer = error instanceof ChildWorkflowFailure && error.cause instanceof ApplicationFailure ? (error.cause.details?.[0] as Response | undefined) : undefined;
      if (answer?.status === 'error') return answer;
      if (endedByCancel(error)) return cancelledAnswer(operation, environment, 'cancelled', 'Cancelled');
      return failureAnswer(operation, environment, {
        code: 'interrupted_operation',
        message: `${id} was ended from outside; what it has changed so far is not known here`,
        suggestions: ['Start the phase again with another id: its operation names what this one left, and has it decided before it changes anything'],
      });
    }
  }

  #begin(step: string, message: string): number {
    this.progress.enter('running_step', `${step}: ${message}`);
    this.#show(`${step}: running`);
    return Date.now();
  }

  #end(step: PhaseStep): void {
    this.#steps.push(step);
    this.progress.note(`${step.step}: ${step.message}`);
    this.#show(null);
  }

  #show(now: string | null): void {
    const lines = this.#steps.map((s) => `- ${s.step}: **${s.status.replaceAll('_', ' ')}**, ${s.duration_seconds} s. ${plain(s.message, 300)}`);
    const step = this.progress.stepWorkflowId;
    const where = step === null ? [] : [`What it waits for is decided in the workflow \`${step.replaceAll('`', '')}\`.`];
    setCurrentDetails([`## ${this.name} on ${plain(this.settings.environment)}`, ...lines, ...(now === null ? [] : [`- ${now}`]), ...where].join('\n\n'));
  }
}

const secondsSince = (began: number): number => Math.round((Date.now() - began) / 100) / 10;

/** Runs a phase and answers by the contract; its end is recorded and told as that of an operation is. */
export async function runPhase(name: PhaseName, input: OperationInput, work: (phase: Phase, loaded: LoadedOperation) => Promise<string>): Promise<Response> {
  const startedAt = Date.now();
  return unguarded(name, input, async (loaded, progress) => {
    const { settings } = loaded;
    const phase = new Phase(name, settings, progress);
    let answer: Response;
    try {
      const message = await work(phase, loaded);
      answer = { status: 'success', operation: name, environment: settings.environment, result: phase.result, message };
    } catch (error) {
      if (!(error instanceof StepEnded)) throw error;
      answer = error.answer;
    }
    const facts = {
      operationId: workflowInfo().workflowId, operation: name, settings, requestedBy: progress.requestedBy, startedAt,
      planHash: null, decisions: [], refused: [], began: false, backup: null, applied: 0, answer,
    };
    // Also after a cancel, which ended the step and not the telling of it.
    await CancellationScope.nonCancellable(() => endOperation(stepsOn(settings), facts, progress));
    return answer;
  });
}
