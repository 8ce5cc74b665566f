/** What a kind of step has to say: how it runs, and what it answers. One file a kind; run.ts does what all have in common. */
import type { Resolution, Response } from '../../../contract/index.js';
import type { AnswerContext, StepFailure } from '../answers.js';
import type { Change } from '../change-parts.js';

export interface StepInput {
  change: Change;
  context: AnswerContext;
  /** How failed rows of another runner are settled. */
  resolve: Resolution;
  /** From 0 on: how often a person has had it run again. */
  nth: number;
}

export type StepOutcome =
  /** `applied`: migrations applied, or reverted where that is what the operation is for. */
  | { done: Response; applied: number }
  | {
      failure: StepFailure;
      /** Whether the settings let it be undone without a person. */
      automatic: boolean;
      /** Nothing of it is in the database: there is nothing to undo. */
      untouched?: boolean;
      /** Nobody is asked where nothing can be undone: what is there stays, and the operation ends. */
      ends?: boolean;
    };

export interface StepKind {
  run(input: StepInput): Promise<StepOutcome>;
  /**
   * Puts another database in the place of the one that serves, which is kept. That happens as a whole, so a cancel that comes later is too
   * late; and whether to go back from an unhealthy one is for a person, since both are there.
   */
  exchanges: boolean;
}

/** Whether anything may be undone without a person. */
export const mayUndo = ({ input }: Change): boolean => input.settings.safety.max_auto_rollback_attempts > 0;
