/** The step that changes the database, by the plan's kind, and the health afterwards. */
import { CancellationScope, CancelledFailure } from '@temporalio/workflow';
import type { FailureFacts, Resolution, Response } from '../../contract/index.js';
import { type AnswerContext, applyFailure, migratedAnswer, restoredAnswer, type StepFailure, stepFailure } from './answers.js';
import { beginOf, type Change } from './change-parts.js';
import { unhealthyAfter } from './health.js';
import { endedByCancel, factsOf } from './steps.js';

export type StepResult =
  | { done: Response; applied: number }
  | { failure: StepFailure; automatic: boolean; cancelled: boolean; untouched: boolean };

/** The change itself, then the health afterwards. */
export async function runStep(change: Change, context: AnswerContext, resolve: Resolution): Promise<StepResult> {
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
      failure: stepFailure({ ...unhealthy, code: 'health_after_failed', message: 'The database was unhealthy after the change', result: { health_check: 'failed', ...unhealthy.result } }, applied),
      automatic: mayUndo && settings.safety.rollback_on_health_check_failure && plan.restore === null,
      cancelled: false,
      untouched: false,
    };
  } catch (error) {
    if (endedByCancel(error)) {
      return { failure: stepFailure({ code: 'cancelled', message: 'Cancelled' }), automatic: true, cancelled: true, untouched: false };
    }
    // Expected failures of the step as a whole, or an outcome that stayed unknown: what is there is read before anything else.
    return { failure: stepFailure(factsOf(error)), automatic: mayUndo, cancelled: false, untouched: false };
  }
}

function stepFailed(facts: FailureFacts, more: { untouched?: boolean; appliedBefore?: number }): StepResult {
  return { failure: stepFailure(facts, more.appliedBefore), automatic: true, cancelled: false, untouched: more.untouched ?? false };
}
