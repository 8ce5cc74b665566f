/** Restores the plan's backup beside the database and exchanges the two. */
import { CancellationScope } from '@temporalio/workflow';
import { restoredAnswer, revertedAnswer, stepFailure } from '../answers.js';
import { beginOf } from '../change-parts.js';
import type { StepKind } from './kind.js';

export const restoreStep: StepKind = {
  exchanges: true,

  async run({ change, context }) {
    const { ref, steps, progress, input } = change;
    const { backup_id } = input.plan.restore!;
    progress.enter('restoring', `Restoring ${backup_id} beside the database`);
    const outcome = await steps.changing.restoreBackup({ ...ref, backup_id, only_if_quiet: false });
    if (outcome.status !== 'restored') {
      const message = `Restore failed; the database that was serving still serves: ${outcome.reason ?? 'unknown'}`;
      return { failure: stepFailure({ code: 'restore_failed', message }), automatic: true, untouched: true };
    }
    await CancellationScope.nonCancellable(() => steps.changing.beginInRestored(beginOf(change)));
    if (input.plan.operation !== 'rollback') return { done: restoredAnswer(context, outcome.kept_as, outcome.tables, outcome.rows), applied: 0 };
    const reverted = input.plan.migrations.map((m) => m.name);
    const done = revertedAnswer(context, { by: 'restore', reverted, restored: backup_id, replaced_database_kept_as: outcome.kept_as }, input.settings.safety.health_check_after);
    return { done, applied: reverted.length };
  },
};
