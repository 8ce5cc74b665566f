/** Rebuilds the database beside and exchanges the two. Until the exchange nothing of the one that serves is touched. */
import { resetAnswer, stepFailure } from '../answers.js';
import type { StepKind } from './kind.js';

export const resetStep: StepKind = {
  exchanges: true,

  async run({ change, context }) {
    const { ref, steps, progress, input } = change;
    progress.enter('restoring', `Rebuilding with ${input.plan.migrations_total} migration(s) beside the database`);
    const outcome = await steps.changing.rebuildDatabase(ref);
    if (outcome.status === 'rebuilt') return { done: resetAnswer(context, outcome, input.settings.safety.health_check_after), applied: outcome.applied.length };
    const { failure: migration } = outcome;
    const failure = stepFailure({
      code: migration === null ? 'restore_failed' : 'migration_failed',
      message: `Reset failed; the database that was serving still serves: ${outcome.reason ?? 'unknown'}`,
      ...(migration === null ? {} : { result: { failed_migration: migration.migration, statement_line: migration.line, sql_state: migration.sql_state, statement: migration.statement } }),
      suggestions: migration === null ? [] : [`Review ${migration.file}${migration.line === null ? '' : ` line ${migration.line}`}`],
    });
    return { failure, automatic: true, untouched: true };
  },
};
