/** Runs the project's seed. What it writes is nothing that we understand: it runs once, and undoing it is a restore. */
import { seededAnswer, stepFailure } from '../answers.js';
import { mayUndo, type StepKind } from './kind.js';

export const seedStep: StepKind = {
  exchanges: false,

  async run({ change, context, nth }) {
    const { ref, steps, progress, input } = change;
    const { safety } = input.settings;
    progress.enter('applying', `Running the seed: ${input.plan.seed?.command ?? ''}`);
    const outcome = await steps.changing.runSeed({ ...ref, nth });
    if (outcome.status === 'seeded') return { done: seededAnswer(context, outcome, safety.health_check_after), applied: 0 };
    const unknown = outcome.status === 'unknown';
    const failure = stepFailure({
      code: 'seed_failed',
      message: unknown ? `How the seed ended is not known: ${outcome.reason}` : `The seed failed: ${outcome.reason}`,
      result: { command: input.plan.seed?.command, outcome: outcome.status, output: outcome.output, output_path: outcome.output_path },
      suggestions: [
        ...(unknown ? ['Make sure that it runs no more, and look at what it wrote: it is not run again unless you say so'] : []),
        ...(outcome.output_path ? [`What it printed (it may hold data) is on the worker in ${outcome.output_path}`] : []),
      ],
    });
    // Nothing can be undone without a backup, and running a failed seed again is nothing to keep the database waiting for.
    return { failure, automatic: !unknown && mayUndo(change) && safety.rollback_on_migration_failure, ends: !unknown && context.backup === null };
  },
};
