/**
 * A guarded operation, as design section 3 has it: validate → load config → plan → approval → the change → answer.
 * The change itself is a child (change.ts), so that ending this workflow never ends a change in the middle.
 */
import {
  ApplicationFailure, CancellationScope, ChildWorkflowCancellationType, ChildWorkflowFailure, condition, executeChild, getExternalWorkflowHandle,
  ParentClosePolicy, setCurrentDetails, setHandler, allHandlersFinished, workflowInfo,
} from '@temporalio/workflow';
import type { LoadedOperation, PlanOutcome, UnverifiedDecision } from '../../activities/contract.js';
import { Decision, verificationWords } from '../../contract/decision.js';
import type { GuardedOperation, OperationInput, PlanSummary, Response, Settings } from '../../contract/index.js';
import { CHANGE_WORKFLOW } from '../../contract/names.js';
import { waitingAnswerIn } from '../internal-messages.js';
import { approveSignal, changeAnswerSignal, decideUpdate, DESCRIPTIONS, rejectSignal, resolveSignal, stateQuery } from '../messages.js';
import { cancelledAnswer, failureAnswer, needsApproval, nothingToDoAnswer, planAnswer } from './answers.js';
import { Approval, type Arrival, notListed, SEND_A_SIGNAL } from './approval.js';
import type { guardedChange } from './change.js';
import type { ChangeInput, ChangeResult } from './change-parts.js';
import { operationDetails } from './details.js';
import { endOperation } from './end.js';
import { type About, Notifier } from './notifier.js';
import { approvalWaiting, approved } from './notification-texts.js';
import { awaitInfrastructure } from './infrastructure.js';
import { operationInput, requireUsableId } from './operation-input.js';
import { Progress } from './progress.js';
import { claimedBy, misfit, SEND_A_TOKEN, unreadable } from './refusals.js';
import { endedByCancel, factsOf, StopHere, stepsOn } from './steps.js';
import { Unverified } from './unverified.js';
import { decidedBy, type Verify, verifyBy } from './verify-decisions.js';

/** A plan that changes again and again under the lock means that somebody else migrates the database at the same time. */
const MOST_PLANS = 20;

export async function guardedOperation(operation: GuardedOperation, input: OperationInput): Promise<Response> {
  return new Operation(operation, input).run();
}

class Operation {
  readonly #approval = new Approval();
  readonly #progress: Progress;
  readonly #startedAt = Date.now();
  readonly #request: unknown;
  readonly #phase: OperationInput['phase'];
  #loaded: LoadedOperation | null = null;
  #notifier: Notifier | null = null;
  #changes = 0;
  /** Signals of each name so far: their places in the history, by which an activity finds out who sent them. */
  readonly #signals: Record<string, number> = {};
  /** Ways out that came by update: verified here so that the sender is told, and by the change, which trusts nobody. */
  readonly #waysOut = new Unverified();

  constructor(
    private readonly operation: GuardedOperation,
    argument: OperationInput,
  ) {
    const { request, requested_by, phase } = operationInput(argument);
    this.#request = request;
    this.#phase = phase;
    this.#progress = new Progress(operation, requested_by);
    this.#listen();
  }

  async run(): Promise<Response> {
    const answer = await this.#answer();
    this.#progress.answer = answer;
    this.#progress.enter('finished', answer.status === 'error' ? answer.error : answer.message);
    this.#show();
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
    if (answer.status !== 'error') return answer;
    // A failed operation fails its workflow, so that the Web UI, alerts and schedules see red.
    throw ApplicationFailure.create({ message: answer.error, type: answer.code, nonRetryable: true, details: [answer] });
  }

  async #answer(): Promise<Response> {
    try {
      return await this.#planApproveChange();
    } catch (error) {
      const environment = this.#loaded?.settings.environment;
      const answer = endedByCancel(error)
        ? cancelledAnswer(this.operation, environment, 'cancelled', 'Cancelled before any change')
        : failureAnswer(this.operation, environment, factsOf(error));
      return this.#endUnchanged(answer);
    }
  }

  async #planApproveChange(): Promise<Response> {
    requireUsableId();
    const loaded = await stepsOn(null).reading.loadOperation({ operation: this.operation, request: this.#request });
    this.#loaded = loaded;
    const { settings } = loaded;
    this.#progress.environment = settings.environment;
    this.#notifier = new Notifier(this.#about());
    if (this.operation === 'initialize-database') {
      await awaitInfrastructure(loaded, this.#progress, () => this.#show());
      this.#progress.enter('planning', 'Planning');
    }
    const outcome = await stepsOn(settings).reading.planOperation({ ...loaded, operation_id: workflowInfo().workflowId });
    if (outcome.kind === 'answered') return outcome.response;

    let { plan } = outcome;
    let nothingToDo = outcome.nothing_to_do;
    const dryRun = (loaded.request.parameters as { dry_run?: boolean }).dry_run === true;
    if (dryRun) {
      this.#progress.plan = plan;
      return planAnswer(this.operation, plan, settings, nothingToDo);
    }
    for (let plans = 0; plans < MOST_PLANS; plans += 1) {
      this.#progress.plan = plan;
      if (nothingToDo) return this.#endUnchanged(nothingToDoAnswer(this.operation, plan, settings, this.#startedAt));
      const refusal = await this.#approve(plan);
      if (refusal !== null) return this.#endUnchanged(refusal);
      const result = await this.#change(plan, outcome);
      if (result.kind === 'answered') return result.answer;
      plan = result.plan;
      nothingToDo = result.nothing_to_do;
      this.#progress.note(`The plan changed during the wait: ${result.differences.join('; ')}`);
    }
    return this.#endUnchanged(
      failureAnswer(this.operation, settings.environment, {
        code: 'plan_failed',
        message: 'The database keeps changing between plan and lock; nothing was changed by this operation',
        suggestions: ['Find out who else migrates this database (faber-db list), then start again'],
      }),
    );
  }

  /** Waits until the plan is approved. @returns null, or the answer to give instead */
  async #approve(plan: PlanSummary): Promise<Response | null> {
    const { settings } = this.#loaded!;
    const approval = this.#approval;
    if (!needsApproval(plan, settings)) return null;
    // What the config says of the build phase; never in a protected environment, and never where a person must say what happened.
    if (this.#phase === 'build' && settings.auto_migrate === true && plan.resolve.length === 0) return null;
    const seconds = settings.approval.timeout_seconds[plan.evidence.risk];
    approval.open({ plan, settings: settings.approval, requestedBy: this.#progress.requestedBy });
    this.#progress.approvalDeadline = new Date(Date.now() + seconds * 1000).toISOString();
    this.#progress.enter('waiting_for_approval', `Waiting for approval of plan ${plan.plan_hash.slice(0, 12)}`);
    this.#show();
    const waiting = approvalWaiting(this.#about(), plan, seconds);
    if (!approval.decided) void this.#notifier!.tell(waiting.said, waiting.remind);
    let inTime: boolean;
    try {
      const desk = { unverified: approval.unverified, settle: (...judged: Parameters<Approval['settle']>) => this.#record(() => approval.settle(...judged)) };
      inTime = await decidedBy(desk, () => approval.decided, this.#verify(plan.plan_hash), seconds * 1000);
    } finally {
      approval.stop('nothing waits for approval any more');
    }
    this.#progress.approvalDeadline = null;
    if (!inTime) {
      approval.close('too late: the approval had expired');
      return cancelledAnswer(this.operation, settings.environment, 'approval_expired', 'Nobody approved in time; nothing was changed. Start it again, with another id, when somebody can decide', { plan_hash: plan.plan_hash });
    }
    if (approval.rejection !== null) {
      const { by, comment } = approval.rejection;
      return cancelledAnswer(this.operation, settings.environment, 'rejected', `Rejected by ${by}${comment ? `: ${comment}` : ''}`, { plan_hash: plan.plan_hash });
    }
    void this.#notifier!.tell(approved(this.#about(), plan, approval.approvals));
    this.#progress.note(`Approved by ${approval.approvals.map((a) => `${a.by} (${verificationWords(a)})`).join(', ')}`);
    return null;
  }

  #about(): About {
    return { operationId: workflowInfo().workflowId, operation: this.operation, settings: this.#loaded!.settings, requestedBy: this.#progress.requestedBy };
  }

  #verify(planHash: string): Verify {
    const settings = this.#loaded!.settings;
    const { workflowId, runId, startTime } = workflowInfo();
    return verifyBy(stepsOn(settings), { approval: settings.approval, operation_id: workflowId, run_id: runId, plan_hash: planHash, not_before: startTime.getTime() });
  }

  async #change(plan: PlanSummary, planned: Extract<PlanOutcome, { kind: 'planned' }>): Promise<ChangeResult> {
    const { workflowId } = workflowInfo();
    const loaded = this.#loaded!;
    this.#changes += 1;
    // The run id: a repeated operation id must never meet the change of an earlier run.
    const childId = `${workflowId}/change-${workflowInfo().runId.slice(0, 8)}-${this.#changes}`;
    this.#progress.changeWorkflowId = childId;
    this.#progress.enter('waiting_for_lock', 'The change begins');
    this.#show();
    await this.#notifier!.handOver(childId);
    const input: ChangeInput = {
      operation_id: workflowId,
      operation: this.operation,
      request_digest: loaded.request_digest,
      requested_by: this.#progress.requestedBy,
      settings: loaded.settings,
      plan,
      identity_digest: planned.identity_digest,
      approvals: this.#approval.approvals,
      refused: this.#approval.refusals.last,
      resolve: this.#approval.resolve,
      started_at: this.#startedAt,
      notifier: this.#notifier!.workflowId,
    };
    try {
      return await executeChild<typeof guardedChange>(CHANGE_WORKFLOW, {
        workflowId: childId,
        args: [input],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: `${this.operation} ${loaded.settings.environment}`.slice(0, 180),
      });
    } catch (error) {
      if (!(error instanceof ChildWorkflowFailure) || endedByCancel(error)) throw error;
      // Whatever it had begun is in the database's own rows; the next operation reads them first.
      throw new StopHere({
        code: 'interrupted_operation',
        message: `The change ${childId} was ended from outside; what it has changed so far is not known here`,
        suggestions: [`Start the operation again with another id: it names what this one left, and has it decided before it changes anything`],
      });
    }
  }

  /** Records an operation that ended without a change. */
  async #endUnchanged<R extends Response>(answer: R): Promise<R> {
    const loaded = this.#loaded;
    if (loaded === null) return answer;
    await CancellationScope.nonCancellable(() =>
      endOperation(stepsOn(loaded.settings), {
        operationId: workflowInfo().workflowId,
        operation: this.operation,
        settings: loaded.settings,
        requestedBy: this.#progress.requestedBy,
        startedAt: this.#startedAt,
        planHash: this.#progress.plan?.plan_hash ?? null,
        decisions: [...this.#approval.approvals, ...(this.#approval.rejection ? [this.#approval.rejection] : [])],
        refused: this.#approval.refusals.last,
        began: false,
        backup: null,
        applied: 0,
        answer,
        notifier: this.#notifier!,
      }, this.#progress),
    );
    return answer;
  }

  #listen(): void {
    const approval = this.#approval;
    setHandler(stateQuery, () => this.#view(), { description: DESCRIPTIONS.state });
    setHandler(approveSignal, (payload) => this.#record(() => approval.receive('approve', payload, this.#arrival(approveSignal.name))), { description: DESCRIPTIONS.approve });
    setHandler(rejectSignal, (payload) => this.#record(() => approval.receive('reject', payload, this.#arrival(rejectSignal.name))), { description: DESCRIPTIONS.reject });
    setHandler(resolveSignal, (payload) => this.#forward(payload, this.#arrival(resolveSignal.name)), { description: DESCRIPTIONS.resolve });
    setHandler(changeAnswerSignal, (payload) => {
      const answer = waitingAnswerIn(payload, this.#progress.changeWorkflowId);
      if (answer === undefined) return;
      this.#progress.answer = answer;
      this.#progress.phase = answer === null ? 'applying' : 'waiting_for_decision';
      this.#show();
    });
    setHandler(decideUpdate, (payload) => this.#decide(payload), {
      description: DESCRIPTIONS.decide,
      validator: (payload) => {
        const problem = this.#problem(payload);
        if (problem !== null) throw refusedDecision(problem);
      },
    });
  }

  #arrival(name: string): Arrival {
    const nth = (this.#signals[name] ?? 0) + 1;
    this.#signals[name] = nth;
    const { workflowId, runId } = workflowInfo();
    return { signal: { workflow_id: workflowId, run_id: runId, name, nth } };
  }

  #record(receive: () => void): void {
    const refused = this.#approval.refusals.count;
    receive();
    // Of a flood of refused ones only the first are drawn again; those that count are few.
    const { count } = this.#approval.refusals;
    if (count === refused || count <= 20) this.#show();
  }

  /** Why a decision sent by update would not count, or null. */
  #problem(payload: unknown): string | null {
    const broken = unreadable(payload);
    if (broken !== null) return broken;
    const parsed = Decision.safeParse(payload);
    if (!parsed.success) return misfit(parsed.error);
    const { decision, ...rest } = parsed.data;
    if (decision !== 'approve' && decision !== 'reject') {
      if (!this.#waits()) return 'nothing waits for such a decision now';
      if (this.#verification === 'principal') return SEND_A_SIGNAL;
      return this.#verification === 'signed' && rest.token === undefined ? SEND_A_TOKEN : null;
    }
    const judged = this.#approval.judge(decision, rest);
    return judged.ok ? null : judged.reason;
  }

  #waits(): boolean {
    return this.#progress.answer !== null && this.#progress.phase === 'waiting_for_decision';
  }

  async #decide(payload: unknown): Promise<{ recorded: string }> {
    const { decision, plan, ...rest } = Decision.parse(payload);
    if (decision === 'approve' || decision === 'reject') await this.#approveByUpdate(decision, { plan, ...rest });
    else {
      if (this.#verification === 'signed') await this.#verifyWayOut({ decision, token: rest.token! });
      await this.#forward({ choice: decision, ...rest }, {});
    }
    return { recorded: decision };
  }

  async #approveByUpdate(decision: 'approve' | 'reject', payload: unknown): Promise<void> {
    if (this.#verification === 'claimed') return this.#record(() => this.#approval.receive(decision, payload));
    const problem = await new Promise<string | null>((settled) => this.#record(() => this.#approval.receive(decision, payload, { settled })));
    if (problem !== null) throw refusedDecision(problem);
  }

  /** @throws ApplicationFailure, which ends the update and not the operation */
  async #verifyWayOut(ask: Extract<UnverifiedDecision, { token: string }>): Promise<void> {
    const decision = { kind: 'resolve', payload: null, ask };
    const taken = this.#waysOut.add(decision);
    this.#waysOut.take();
    if (taken !== null) throw refusedDecision(taken);
    // Also after a cancel: the change may wait for just this decision.
    const verifying = CancellationScope.nonCancellable(() => this.#verify(this.#progress.plan!.plan_hash)([ask]));
    const [facts] = await verifying.catch((error: unknown) => [
      { ok: false as const, by: null, reason: `it could not be verified: ${factsOf(error).message}`, again: true },
    ]);
    const problem = this.#waysOut.use(decision, facts!) ?? (facts!.ok ? notListed(this.#loaded!.settings.approval, String(facts!.payload['by'])) : null);
    if (problem === null) return;
    this.#approval.refusals.add('resolve', facts!.ok ? facts!.payload : { by: facts!.by }, problem);
    throw refusedDecision(problem);
  }

  get #verification(): Settings['approval']['verification'] {
    return this.#loaded?.settings.approval.verification ?? 'claimed';
  }

  /** A choice between ways out is the change's to judge. */
  async #forward(payload: unknown, { signal }: Arrival): Promise<void> {
    const { changeWorkflowId } = this.#progress;
    if (changeWorkflowId === null || !this.#waits()) {
      this.#approval.refusals.add('resolve', payload, `nothing waits for such a decision now (by ${claimedBy(payload) ?? 'nobody named'})`);
      return;
    }
    // A signal of a workflow does not carry the person's principal: the change reads the person's own signal in this history.
    const forwarded = this.#verification === 'principal' && signal !== undefined && unreadable(payload) === null ? { ...(payload as object), forwarded: signal.nth } : payload;
    try {
      // Also after a cancel: the change may wait for just this decision.
      await CancellationScope.nonCancellable(() => getExternalWorkflowHandle(changeWorkflowId).signal(resolveSignal, forwarded));
    } catch {
      this.#approval.refusals.add('resolve', payload, 'the change has ended');
    }
  }

  #view() {
    const { approvals, rejection, refusals } = this.#approval;
    return this.#progress.view({ approvals: rejection === null ? approvals : [...approvals, rejection], refused: refusals.last, refusedCount: refusals.count });
  }

  #show(): void {
    const { workflowId, namespace } = workflowInfo();
    setCurrentDetails(operationDetails(this.#view(), this.#loaded?.settings ?? null, { workflowId, namespace }));
  }
}

/** Ends an update, never the operation. */
function refusedDecision(problem: string): ApplicationFailure {
  return ApplicationFailure.create({ message: `The decision does not count: ${problem}`, type: problem === SEND_A_SIGNAL ? 'send_a_signal' : 'decision_refused', nonRetryable: true });
}
