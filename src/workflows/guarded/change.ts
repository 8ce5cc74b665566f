/**
 * The changing part of a guarded operation, from the lock to its release. A child workflow with parent-close policy
 * ABANDON: terminating the operation, or its continue-as-new, must never kill a change in the middle.
 *
 *   lock → plan again, same hash? → health → begin (fence) → back up → prove → apply → health → end → release
 *                                                              └ fails → undo → verify ┘
 */
import { CancellationScope, setHandler } from '@temporalio/workflow';
import type { BeginOutcome, ChangeRef } from '../../activities/contract.js';
import type { BackupSummary, Response, Risk, RollbackReport } from '../../contract/index.js';
import { DESCRIPTIONS, resolveSignal, stateQuery } from '../messages.js';
import { onlyAsChild } from '../only-as-child.js';
import { type AnswerContext, cancelledAnswer, failedAnswer, failureAnswer, stepFailure } from './answers.js';
import { askPerson, showDetails } from './ask-person.js';
import { backUp } from './back-up.js';
import { aboutOf, beginOf, type Change, type ChangeInput, type ChangeResult } from './change-parts.js';
import { endOperation } from './end.js';
import { DatabaseLock } from './exclusive.js';
import { requireHealth } from './health.js';
import { settleInterrupted } from './interrupted.js';
import { Notifier } from './notifier.js';
import { Progress } from './progress.js';
import { runStep } from './step/run.js';
import { endedByCancel, factsOf, stepsOn } from './steps.js';
import { undoAsDecided, walkUndoLadder, type UndoContext } from './undo.js';
import { WayOutArrivals } from './way-out-arrivals.js';
import { WayOutChoice } from './way-out.js';

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
  return { mayHaveBegun: false, input, ref, steps: stepsOn(input.settings), progress, wayOut, notifier: new Notifier(aboutOf(input), input.notifier ?? null), watched: false };
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
  if (input.plan.create !== undefined) {
    progress.note(`Creating the database ${input.plan.create.database}`);
    await steps.changing.createDatabase(ref);
  }
  if (settings.safety.health_check_before) await requireHealth(change);

  change.mayHaveBegun = true;
  for (;;) {
    const begun = await steps.changing.beginChange(beginOf(change));
    if (begun.interrupted === null) return { kind: 'answered', answer: await backUpAndChange(change, begun) };
    await settleInterrupted(change, begun.interrupted);
    // What it left, or what its undo changed, may make another plan: it is asked for again.
    const now = await steps.reading.recheckPlan(ref);
    if (!now.same) return { kind: 'plan_changed', plan: now.plan, differences: now.differences, nothing_to_do: now.nothing_to_do };
  }
}

async function backUpAndChange(change: Change, begun: BeginOutcome): Promise<Response> {
  const { input, ref, steps, progress } = change;
  const { settings } = input;
  // A seed is a program of its own: it would be held off as well.
  const holdsWrites = settings.safety.hold_writes && input.plan.operation !== 'seed';
  let backup: BackupSummary | null = null;
  let answer: Response;
  let applied = 0;
  try {
    if (holdsWrites) await steps.changing.holdWrites({ ...ref, hold: true });
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
    if (holdsWrites) {
      await steps.changing.holdWrites({ ...ref, hold: false }).catch((error: unknown) => progress.note(`Writes are still held off: ${factsOf(error).message}`));
    }
    await conclude(change, answer, { began: true, backup, applied });
  });
  return answer;
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
  const undo: UndoContext = { steps, ref, plan: input.plan, begun, backup, progress, watched: false };
  let resolve = input.resolve;
  let nth = 0;
  for (;;) {
    const step = await runStep({ change, context, resolve, nth });
    nth += 1;
    undo.watched = change.watched;
    if ('done' in step) return { answer: step.done, applied: step.applied };
    if (step.untouched) return { answer: failureAnswer(input.operation, settings.environment, step.failure, backup), applied: 0 };
    progress.note(step.failure.message);

    let rollback: RollbackReport = await CancellationScope.nonCancellable(() => walkUndoLadder(undo, step.automatic));
    if (step.cancelled) return { answer: cancelledAfterUndo(context, rollback), applied: 0 };
    if (step.ends && rollback.status === 'stopped') return { answer: failedAnswer(context, step.failure, withoutQuestion(rollback)), applied: 0 };
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

function withoutQuestion({ waiting_for: _, ...report }: RollbackReport): RollbackReport {
  return report;
}

function cancelledAfterUndo(context: AnswerContext, rollback: RollbackReport): Response {
  const report = withoutQuestion(rollback);
  const undone = rollback.status === 'undone' || rollback.status === 'nothing_to_undo';
  const failure = stepFailure({ code: 'compensation_failed', message: 'Cancelled in the middle of the change' });
  if (!undone) return failedAnswer(context, failure, report);
  return cancelledAnswer(context.operation, context.environment, 'cancelled', 'Cancelled in the middle of the change; what it had changed was undone', {
    rollback: report, backup_id: context.backup?.backup_id ?? null,
  });
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
    restores: input.plan.restore !== null,
    ...facts,
    answer,
    notifier: change.notifier,
  }, progress);
}
