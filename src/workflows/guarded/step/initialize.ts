/** Applies all migrations to a database that has nothing yet. */
import { applyFailure, initializedAnswer } from '../answers.js';
import { mayUndo, type StepKind } from './kind.js';

export const initializeStep: StepKind = {
  exchanges: false,

  async run({ change, context, resolve }) {
    const { ref, steps, progress, input } = change;
    const { safety } = input.settings;
    if (input.plan.migrations_total > 0) progress.enter('applying', `Applying ${input.plan.migrations_total} migration(s)`);
    const outcome = await steps.changing.applyMigrations({ ...ref, resolve });
    if (outcome.status === 'failed') return { failure: applyFailure(outcome), automatic: mayUndo(change) && safety.rollback_on_migration_failure };
    return { done: initializedAnswer(context, outcome.applied, safety.health_check_after), applied: outcome.applied.length };
  },
};
