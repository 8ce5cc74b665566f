/** The step that changes the database, by the plan's kind, and the health afterwards. */
import { CancellationScope, CancelledFailure } from '@temporalio/workflow';
import type { PlanSummary, Response } from '../../../contract/index.js';
import { type StepFailure, stepFailure } from '../answers.js';
import { unhealthyAfter, unhealthyInWatch } from '../health.js';
import { endedByCancel, factsOf } from '../steps.js';
import { applyStep } from './apply.js';
import { initializeStep } from './initialize.js';
import { mayUndo, type StepInput, type StepKind, type StepOutcome } from './kind.js';
import { restoreStep } from './restore.js';
import { resetStep } from './reset.js';
import { revertStep } from './revert.js';
import { seedStep } from './seed.js';

export type StepResult =
  | { done: Response; applied: number }
  | { failure: StepFailure; automatic: boolean; cancelled: boolean; untouched: boolean; ends?: boolean };

function kindOf(plan: PlanSummary): StepKind {
  if (plan.restore !== null) return restoreStep;
  if (plan.operation === 'initialize-database') return initializeStep;
  if (plan.operation === 'reset') return resetStep;
  if (plan.operation === 'seed') return seedStep;
  return plan.operation === 'rollback' || plan.operation === 'rollback-to' ? revertStep : applyStep;
}

/** The change itself, then the health afterwards. */
export async function runStep(input: StepInput): Promise<StepResult> {
  const { change } = input;
  const { settings, plan } = change.input;
  const kind = kindOf(plan);
  try {
    const outcome = await kind.run(input);
    if ('failure' in outcome) return { cancelled: false, untouched: false, ...outcome };
    let unhealthy: Awaited<ReturnType<typeof unhealthyAfter>>;
    try {
      const after = settings.safety.health_check_after ? await unhealthyAfter(change) : null;
      unhealthy = after ?? (await unhealthyInWatch(change));
      // A cancel that came while the last step ended well.
      if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('Cancelled');
    } catch (error) {
      if (kind.exchanges && endedByCancel(error)) return tooLate(outcome);
      throw error;
    }
    if (unhealthy === null) return outcome;
    return {
      failure: stepFailure({ ...unhealthy, code: 'health_after_failed', message: change.watched ? 'The database turned unhealthy while it was watched after the change' : 'The database was unhealthy after the change', result: { health_check: 'failed', ...unhealthy.result } }, outcome.applied),
      automatic: mayUndo(change) && settings.safety.rollback_on_health_check_failure && !kind.exchanges,
      cancelled: false,
      untouched: false,
    };
  } catch (error) {
    if (endedByCancel(error)) {
      return { failure: stepFailure({ code: 'cancelled', message: 'Cancelled' }), automatic: true, cancelled: true, untouched: false };
    }
    // Expected failures of the step as a whole, or an outcome that stayed unknown: what is there is read before anything else.
    return { failure: stepFailure(factsOf(error)), automatic: mayUndo(change), cancelled: false, untouched: false };
  }
}

/** The exchange has happened, as a whole: there is nothing in the middle of which it could be cancelled. */
function tooLate(outcome: Extract<StepOutcome, { done: Response }>): StepResult {
  const { done } = outcome;
  if (done.status !== 'success') return outcome;
  const unchecked = 'health_check' in done.result ? { health_check: 'skipped' } : {};
  return { ...outcome, done: { ...done, result: { ...done.result, ...unchecked }, message: `${done.message}; the cancel came too late` } };
}
