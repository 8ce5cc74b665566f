/**
 * The changing part of a guarded operation, from the lock to its release. A child workflow with parent-close policy
 * ABANDON: terminating the operation, or its continue-as-new, must never kill a change in the middle.
 *
 *   lock → plan again, same hash? → health → begin (fence) → back up → prove → apply → health → end → release
 *                                                              └ fails → undo → verify ┘
 */
import { CancellationScope, CancelledFailure, getExternalWorkflowHandle, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import { verificationWords } from '../../contract/decision.js';
import type { BeginInput, BeginOutcome, ChangeRef } from '../../activities/contract.js';
import type {
  BackupSummary, ErrorResponse, FailureFacts, PlanSummary, RecordedDecision, RefusedDecision, Resolution, Response, Risk, RollbackReport, Settings,
} from '../../contract/index.js';
import { changeAnswerSignal, DESCRIPTIONS, resolveSignal, stateQuery } from '../messages.js';
import { onlyAsChild } from '../only-as-child.js';
import { type AnswerContext, applyFailure, cancelledAnswer, failedAnswer, failureAnswer, migratedAnswer, restoredAnswer, type StepFailure } from './answers.js';
import { operationDetails } from './details.js';
import { endOperation } from './end.js';
import { DatabaseLock } from './exclusive.js';
import { Progress } from './progress.js';
import { endedByCancel, factsOf, StopHere, stepsOn, type Steps } from './steps.js';
import { undoAsDecided, walkUndoLadder, type UndoContext } from './undo.js';
import { decidedBy, verifyBy } from './verify-decisions.js';
import { WayOutArrivals } from './way-out-arrivals.js';
import { WayOutChoice } from './way-out.js';

export interface ChangeInput {
  operation_id: string;
  operation: string;
  request_digest: string;
  requested_by: string;
  settings: Settings;
  plan: PlanSummary;
  identity_digest: string;
  approvals: RecordedDecision[];
  refused: RefusedDecision[];
  resolve: Resolution;
  started_at: number;
}

export type ChangeResult =
  | { kind: 'plan_changed'; plan: PlanSummary; differences: string[]; nothing_to_do: boolean }
  | { kind: 'answered'; answer: Response };

interface Change {
  /** Whether the target may have a row of this operation, to be ended. */
  mayHaveBegun: boolean;
  input: ChangeInput;
  ref: ChangeRef;
  steps: Steps;
  progress: Progress;
  wayOut: WayOutChoice;
}

const RISKS: Risk[] = ['low', 'medium', 'high', 'destructive'];

export async function guardedChange(input: ChangeInput): Promise<ChangeResult> {
  onlyAsChild();
  const change = prepare(input);
  const { progress } = change;
  const lock = new DatabaseLock(
    // The queue of a database runs where workflows run, not where the environment's activities do.
    stepsOn(null),
    { identity_digest: input.identity_digest, operation: input.operation, environment: input.settings.environment },
    (behind) => {
      progress.waitingBehind = behind;
      progress.note(`Waiting for the database behind ${behind.join(', ')}`);
    },
  );
  try {
    progress.enter('waiting_for_lock', 'Waiting for the lock of the database');
    await lock.acquire();
    progress.waitingBehind = [];
    return await changeUnderLock(change);
  } catch (error) {
    // Nothing was begun: everything after `begin` answers for itself.
    const answer = endedByCancel(error)
      ? cancelledAnswer(input.operation, input.settings.environment, 'cancelled', 'Cancelled before any change')
      : failureAnswer(input.operation, input.settings.environment, factsOf(error));
    await CancellationScope.nonCancellable(() => conclude(change, answer, { began: change.mayHaveBegun, backup: null, applied: 0 }));
    return { kind: 'answered', answer };
  } finally {
    await CancellationScope.nonCancellable(() => lock.release());
  }
}

function prepare(input: ChangeInput): Change {
  const progress = new Progress(input.operation, input.requested_by);
  progress.environment = input.settings.environment;
  progress.plan = input.plan;
  const wayOut = new WayOutChoice(input.settings.approval);
  const arrivals = new WayOutArrivals();
  const view = () => progress.view({ approvals: [...input.approvals, ...wayOut.made], refused: wayOut.refusals.last, refusedCount: wayOut.refusals.count });
  setHandler(stateQuery, view, { description: DESCRIPTIONS.state });
  setHandler(resolveSignal, (payload) => wayOut.receive(payload, arrivals.of(payload)), { description: DESCRIPTIONS.resolve });
  const ref: ChangeRef = { operation_id: input.operation_id, settings: input.settings, artifact: input.plan.artifact, plan_hash: input.plan.plan_hash };
  return { mayHaveBegun: false, input, ref, steps: stepsOn(input.settings), progress, wayOut };
}

async function changeUnderLock(change: Change): Promise<ChangeResult> {
  const { input, ref, steps, progress } = change;
  const { settings } = input;
  progress.enter('checking', 'Planning again and checking health');
  const recheck = await steps.reading.recheckPlan(ref);
  const riskRose = RISKS.indexOf(recheck.plan.evidence.risk) > RISKS.indexOf(input.plan.evidence.risk);
  if (!recheck.same || riskRose) {
    const differences = riskRose ? [...recheck.differences, `the risk rose to ${recheck.plan.evidence.risk}`] : recheck.differences;
    return { kind: 'plan_changed', plan: recheck.plan, differences, nothing_to_do: recheck.nothing_to_do };
  }
  if (settings.safety.health_check_before) await requireHealth(change);

  change.mayHaveBegun = true;
  const begun = await steps.changing.beginChange(beginOf(change));
  if (begun.interrupted !== null) {
    const settled = await settleInterrupted(change, begun);
    if (settled !== null) return settled;
  }
  return { kind: 'answered', answer: await backUpAndChange(change, begun) };
}

function beginOf({ ref, input }: Change): BeginInput {
  return { ...ref, request_digest: input.request_digest, requested_by: input.requested_by, write_marker: input.approvals.length > 0 };
}

/** A restore is what an unhealthy database needs, so there its health is a finding of the plan, not a stop. */
async function requireHealth(change: Change): Promise<void> {
  const { input, steps, progress } = change;
  const report = await steps.reading.checkHealth({ settings: input.settings, artifact: input.plan.artifact });
  progress.note(`Health: ${report.status}`);
  if (report.status !== 'unhealthy' || input.plan.restore !== null) return;
  throw new StopHere({ code: 'health_check_failed', message: 'Database health check failed; nothing was changed', ...unhealthyFacts(report.checks) });
}

/** What an unhealthy database is answered with. */
export function unhealthyFacts(checks: { name: string; status: string; detail: string; recommendation?: string }[]): Pick<FailureFacts, 'result' | 'suggestions'> {
  const bad = checks.filter((c) => c.status === 'unhealthy');
  const connectivity = bad.some((c) => c.name === 'connectivity') ? 'failed' : 'ok';
  return {
    result: { connectivity, error_details: bad.map((c) => c.detail).join('; ') },
    suggestions: bad.flatMap((c) => (c.recommendation ? [c.recommendation] : [])),
  };
}

async function backUpAndChange(change: Change, begun: BeginOutcome): Promise<Response> {
  const { input, ref, steps, progress } = change;
  const { settings } = input;
  let backup: BackupSummary | null = null;
  let answer: Response;
  let applied = 0;
  try {
    if (settings.safety.hold_writes) await steps.changing.holdWrites({ ...ref, hold: true });
    backup = await backUp(change);
    const outcome = await runAndUndo(change, begun, backup);
    answer = outcome.answer;
    applied = outcome.applied;
  } catch (error) {
    answer = endedByCancel(error)
      ? cancelledAnswer(input.operation, settings.environment, 'cancelled', 'Cancelled before any change')
      : failureAnswer(input.operation, settings.environment, factsOf(error), backup);
  }
  await CancellationScope.nonCancellable(async () => {
    if (settings.safety.hold_writes) {
      await steps.changing.holdWrites({ ...ref, hold: false }).catch((error: unknown) => progress.note(`Writes are still held off: ${factsOf(error).message}`));
    }
    await conclude(change, answer, { began: true, backup, applied });
  });
  return answer;
}

/** After approval and under the lock, never before: a backup taken before a two-day wait protects nothing. */
async function backUp(change: Change): Promise<BackupSummary | null> {
  const { input, steps, progress } = change;
  const { settings, plan } = input;
  if (plan.evidence.backup === 'none') return null;
  progress.enter('backing_up', 'Backing up');
  try {
    const made = await createBackup(steps, { operation_id: input.operation_id, settings, label: null, reason: `before ${input.operation}` });
    let backup = made;
    if (plan.evidence.backup === 'proven' && made.level !== 'proven') {
      progress.enter('verifying_backup', `Restoring ${made.backup_id} into a scratch database to prove it`);
      backup = await steps.changing.proveBackup({ settings, backup_id: made.backup_id });
    }
    await steps.reading.confirmBackup({ settings, backup });
    progress.note(`Backup ${backup.backup_id}: ${backup.level}, ${backup.size_bytes} bytes, ${backup.rows} rows`);
    return backup;
  } catch (error) {
    // For a restore a failed safety backup is a finding, not a stop: the database may be broken already.
    if (plan.restore === null || endedByCancel(error)) throw error;
    progress.note(`No safety backup: ${factsOf(error).message}`);
    return null;
  }
}

/** Takes a backup under the first id that is free: ids have the resolution of a second. */
export async function createBackup(
  steps: Steps,
  input: { operation_id: string; settings: Settings; label: string | null; reason: string | null },
): Promise<BackupSummary> {
  for (let offset = 0; ; offset += 1) {
    const backup_id = backupId(Date.now() + offset * 1000, input.label);
    try {
      const outcome = await steps.changing.createBackup({ ...input, backup_id });
      if (outcome.kind === 'created') return outcome.backup;
    } catch (error) {
      // An attempt that died has left files, and none follows that would replace them.
      await CancellationScope.nonCancellable(() => steps.changing.abandonBackup({ settings: input.settings, backup_id }).catch(() => undefined));
      throw error;
    }
  }
}

function backupId(atMs: number, label: string | null): string {
  const digits = new Date(atMs).toISOString().replace(/\D/g, '');
  return `backup-${digits.slice(0, 8)}-${digits.slice(8, 14)}${label === null ? '' : `-${label}`}`;
}

interface Outcome {
  answer: Response;
  applied: number;
}

/** Runs the step; when it fails, walks the undo ladder, and where that stops, waits for a person. */
async function runAndUndo(change: Change, begun: BeginOutcome, backup: BackupSummary | null): Promise<Outcome> {
  const { input, ref, steps, progress } = change;
  const { settings } = input;
  const context: AnswerContext = {
    operation: input.operation, environment: settings.environment, settings, plan: input.plan,
    startedAt: input.started_at, backup, appliedBefore: begun.applied_before, approvals: input.approvals,
  };
  // Registered before the step that it undoes.
  const undo: UndoContext = { steps, ref, plan: input.plan, begun, backup, progress };
  let resolve = input.resolve;
  for (;;) {
    const step = await runStep(change, context, resolve);
    if ('done' in step) return { answer: step.done, applied: step.applied };
    if (step.untouched) return { answer: failureAnswer(input.operation, settings.environment, { ...step.failure }, backup), applied: 0 };
    progress.note(step.failure.message);

    let rollback: RollbackReport = await CancellationScope.nonCancellable(() => walkUndoLadder(undo, step.automatic));
    if (step.cancelled) return { answer: cancelledAfterUndo(context, rollback), applied: 0 };
    let retry = false;
    while (!retry && rollback.waiting_for !== undefined) {
      const answer = failedAnswer(context, step.failure, rollback);
      const choice = await CancellationScope.nonCancellable(() => askPerson(change, answer, rollback));
      if (choice.choice === 'retry' || choice.choice === 'resolve') {
        const named = Object.entries(choice.resolve).filter(([name]) => input.plan.resolve.includes(name));
        resolve = { ...resolve, ...Object.fromEntries(named) };
        retry = true;
      } else if (choice.choice === 'accept') {
        rollback = { status: 'stopped', by: 'person', reason: `left as it is by decision of ${choice.decision.by}` };
      } else {
        const chosen = choice.choice;
        rollback = await CancellationScope.nonCancellable(() => undoAsDecided(undo, chosen));
      }
    }
    if (!retry) return { answer: failedAnswer(context, step.failure, rollback), applied: rollback.status === 'stopped' ? step.failure.appliedBefore : 0 };
  }
}

function cancelledAfterUndo(context: AnswerContext, rollback: RollbackReport): Response {
  const { waiting_for: _, ...report } = rollback;
  const undone = rollback.status === 'undone' || rollback.status === 'nothing_to_undo';
  const failure: StepFailure = { code: 'compensation_failed', message: 'Cancelled in the middle of the change', migration: null, suggestions: [], appliedBefore: 0 };
  if (!undone) return failedAnswer(context, failure, report);
  return cancelledAnswer(context.operation, context.environment, 'cancelled', 'Cancelled in the middle of the change; what it had changed was undone', {
    rollback: report, backup_id: context.backup?.backup_id ?? null,
  });
}

type StepResult =
  | { done: Response; applied: number }
  | { failure: StepFailure; automatic: boolean; cancelled: boolean; untouched: boolean };

/** The change itself, then the health afterwards. */
async function runStep(change: Change, context: AnswerContext, resolve: Resolution): Promise<StepResult> {
  const { input, ref, steps, progress } = change;
  const { settings, plan } = input;
  const mayUndo = settings.safety.max_auto_rollback_attempts > 0;
  try {
    let done: Response;
    let applied = 0;
    if (plan.restore !== null) {
      progress.enter('restoring', `Restoring ${plan.restore.backup_id} beside the database`);
      const outcome = await steps.changing.restoreBackup({ ...ref, backup_id: plan.restore.backup_id, only_if_quiet: false });
      if (outcome.status !== 'restored') {
        return stepFailed({ code: 'restore_failed', message: `Restore failed; the database that was serving still serves: ${outcome.reason ?? 'unknown'}` }, { untouched: true });
      }
      await steps.changing.beginInRestored(beginOf(change));
      done = restoredAnswer(context, outcome.kept_as, outcome.tables, outcome.rows);
    } else if (plan.operation === 'rollback-to') {
      progress.enter('undoing', `Undoing ${plan.migrations_total} migration(s)`);
      const outcome = await steps.changing.revertMigrations({ ...ref, migrations: plan.migrations.map((m) => m.name), of_operation: ref.operation_id, only_lossless: false });
      if (outcome.status !== 'reverted') {
        return stepFailed({ code: 'migration_failed', message: `Undoing failed: ${outcome.reason ?? 'unknown'}` }, { appliedBefore: outcome.reverted.length });
      }
      applied = outcome.reverted.length;
      done = migratedAnswer(context, outcome.reverted, settings.safety.health_check_after);
    } else {
      progress.enter('applying', `Applying ${plan.migrations_total} migration(s)`);
      const outcome = await steps.changing.applyMigrations({ ...ref, resolve });
      if (outcome.status === 'failed') {
        return { failure: applyFailure(outcome), automatic: mayUndo && settings.safety.rollback_on_migration_failure, cancelled: false, untouched: false };
      }
      applied = outcome.applied.length;
      done = migratedAnswer(context, outcome.applied, settings.safety.health_check_after);
    }
    const unhealthy = settings.safety.health_check_after ? await unhealthyAfter(change) : null;
    // A cancel that came while the last step ended well.
    if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('Cancelled');
    if (unhealthy === null) return { done, applied };
    return {
      failure: { code: 'health_after_failed', message: 'The database was unhealthy after the change', migration: null, suggestions: unhealthy.suggestions ?? [], appliedBefore: applied, result: { health_check: 'failed', ...unhealthy.result } },
      automatic: mayUndo && settings.safety.rollback_on_health_check_failure && plan.restore === null,
      cancelled: false,
      untouched: false,
    };
  } catch (error) {
    if (endedByCancel(error)) {
      return { failure: { code: 'cancelled', message: 'Cancelled', migration: null, suggestions: [], appliedBefore: 0 }, automatic: true, cancelled: true, untouched: false };
    }
    // Expected failures of the step as a whole, or an outcome that stayed unknown: what is there is read before anything else.
    const facts = factsOf(error);
    return { failure: { code: facts.code, message: facts.message, migration: null, suggestions: facts.suggestions ?? [], appliedBefore: 0, ...(facts.result ? { result: facts.result } : {}) }, automatic: mayUndo, cancelled: false, untouched: false };
  }
}

function stepFailed(facts: FailureFacts, more: { untouched?: boolean; appliedBefore?: number }): StepResult {
  const failure: StepFailure = { code: facts.code, message: facts.message, migration: null, suggestions: facts.suggestions ?? [], appliedBefore: more.appliedBefore ?? 0 };
  return { failure, automatic: true, cancelled: false, untouched: more.untouched ?? false };
}

async function unhealthyAfter(change: Change): Promise<Pick<FailureFacts, 'result' | 'suggestions'> | null> {
  const { input, steps, progress } = change;
  progress.enter('checking_health', 'Checking health after the change');
  const report = await steps.reading.checkHealth({ settings: input.settings, artifact: input.plan.artifact });
  progress.note(`Health: ${report.status}`);
  return report.status === 'unhealthy' ? unhealthyFacts(report.checks) : null;
}

/** Answers the caller at once and waits for a person, the lock kept. */
async function askPerson(change: Change, answer: ErrorResponse, rollback: RollbackReport) {
  const { input, progress, wayOut } = change;
  const ways = rollback.waiting_for ?? [];
  wayOut.offer(ways, input.plan.plan_hash);
  progress.enter('waiting_for_decision', `Stopped, waiting for a person: ${ways.join(', ')}`);
  progress.answer = answer;
  showDetails(change);
  await tellOperation(input.operation_id, answer);
  const about = { approval: input.settings.approval, operation_id: input.operation_id, run_id: workflowInfo().parent?.runId ?? '', plan_hash: input.plan.plan_hash, not_before: wayOut.askedAt };
  await decidedBy(wayOut, () => wayOut.chosen, verifyBy(change.steps, about));
  const choice = wayOut.take();
  progress.answer = null;
  progress.note(`Decided: ${choice.choice} by ${choice.decision.by} (${verificationWords(choice.decision)})`);
  await tellOperation(input.operation_id, null);
  return choice;
}

/** The operation may be gone (terminated); the change goes on without it. */
async function tellOperation(operationId: string, answer: Response | null): Promise<void> {
  try {
    await getExternalWorkflowHandle(operationId).signal(changeAnswerSignal, { workflow_id: workflowInfo().workflowId, answer });
  } catch {
    // Nobody to tell: the change's own state has the answer.
  }
}

function showDetails(change: Change): void {
  const { input, progress, wayOut } = change;
  const state = progress.view({ approvals: input.approvals, refused: wayOut.refusals.last, refusedCount: wayOut.refusals.count });
  setCurrentDetails(operationDetails(state, input.settings, { workflowId: workflowInfo().workflowId, namespace: workflowInfo().namespace }));
}

/** An earlier operation began and never ended: it is decided before anything else is changed. */
async function settleInterrupted(change: Change, begun: BeginOutcome): Promise<ChangeResult | null> {
  const { input, ref, steps, progress } = change;
  const interrupted = begun.interrupted!;
  const what = [...interrupted.applied, ...interrupted.half_applied.map((n) => `${n} (half applied)`)].join(', ');
  const answer: ErrorResponse = {
    status: 'error',
    operation: input.operation,
    environment: input.settings.environment,
    code: 'interrupted_operation',
    error: `${interrupted.operation} ${interrupted.operation_id} began at ${interrupted.begun_at} and never ended`,
    result: { interrupted },
    recovery: {
      suggestions: [what ? `It left applied: ${what}` : 'It applied nothing', 'accept: keep what it left; undo: undo it by its down scripts'],
      can_continue: true,
    },
    waiting_for: ['undo', 'accept'],
  };
  // Nothing is changed yet: whoever cancels here leaves it to the next operation.
  const choice = await askPerson(change, answer, { status: 'stopped', waiting_for: ['undo', 'accept'] });
  let outcome = `accepted by ${choice.decision.by}`;
  if (choice.choice === 'undo') {
    const reverted = await CancellationScope.nonCancellable(() =>
      steps.changing.revertMigrations({ ...ref, artifact: interrupted.artifact ?? ref.artifact, migrations: [], of_operation: interrupted.operation_id, only_lossless: false }),
    );
    if (reverted.status !== 'reverted') throw new StopHere({ code: 'compensation_failed', message: `Undoing ${interrupted.operation_id} failed: ${reverted.reason ?? 'unknown'}` });
    outcome = `undone by decision of ${choice.decision.by}`;
  }
  await CancellationScope.nonCancellable(() => steps.changing.settleInterrupted({ ...ref, interrupted: interrupted.operation_id, answer: { outcome } }));
  progress.note(`${interrupted.operation_id}: ${outcome}`);
  // What it left, or what its undo changed, may make another plan: it is asked for again.
  const recheck = await steps.reading.recheckPlan(ref);
  if (!recheck.same) return { kind: 'plan_changed', plan: recheck.plan, differences: recheck.differences, nothing_to_do: recheck.nothing_to_do };
  const again = await steps.changing.beginChange(beginOf(change));
  return again.interrupted === null ? { kind: 'answered', answer: await backUpAndChange(change, again) } : settleInterrupted(change, again);
}

/** Records the end: audit, the row in the target, the logs plugin. */
async function conclude(change: Change, answer: Response, facts: { began: boolean; backup: BackupSummary | null; applied: number }): Promise<void> {
  const { input, progress, steps, wayOut } = change;
  progress.answer = answer;
  progress.enter('finished', answer.status === 'error' ? answer.error : answer.message);
  showDetails(change);
  await endOperation(steps, {
    operationId: input.operation_id,
    operation: input.operation,
    settings: input.settings,
    requestedBy: input.requested_by,
    startedAt: input.started_at,
    planHash: input.plan.plan_hash,
    decisions: [...input.approvals, ...wayOut.made],
    refused: [...input.refused, ...wayOut.refusals.last],
    ...facts,
    answer,
  }, progress);
}
