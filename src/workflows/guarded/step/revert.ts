/** Undoes the plan's migrations by their down scripts. */
import { revertedAnswer, stepFailure } from '../answers.js';
import type { StepKind } from './kind.js';

export const revertStep: StepKind = {
  exchanges: false,

  async run({ change, context }) {
    const { ref, steps, progress, input } = change;
    progress.enter('undoing', `Undoing ${input.plan.migrations_total} migration(s)`);
    const outcome = await steps.changing.revertMigrations({
      ...ref, migrations: input.plan.migrations.map((m) => m.name), of_operation: ref.operation_id, only_lossless: false,
    });
    if (outcome.status !== 'reverted') {
      const failure = stepFailure({ code: 'migration_failed', message: `Undoing failed: ${outcome.reason ?? 'unknown'}` }, outcome.reverted.length);
      return { failure, automatic: true };
    }
    return { done: revertedAnswer(context, { by: 'down', reverted: outcome.reverted }, input.settings.safety.health_check_after), applied: outcome.reverted.length };
  },
};
