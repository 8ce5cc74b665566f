/** Applies the plan's migrations. */
import { applyFailure, migratedAnswer } from '../answers.js';
import { mayUndo, type StepKind } from './kind.js';

export const applyStep: StepKind = {
  exchanges: false,

  async run({ change, context, resolve }) {
    const { ref, steps, progress, input } = change;
    const { safety } = input.settings;
    progress.enter('applying', `Applying ${input.plan.migrations_total} migration(s)`);
    const outcome = await steps.changing.applyMigrations({ ...ref, resolve });
    if (outcome.status === 'failed') return { failure: applyFailure(outcome), automatic: mayUndo(change) && safety.rollback_on_migration_failure };
    return { done: migratedAnswer(context, outcome.applied, safety.health_check_after), applied: outcome.applied.length };
  },
};
