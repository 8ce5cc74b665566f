/** An operation that began and never ended is remembered in the target: the next one names it and has it decided. */
import { CancellationScope } from '@temporalio/workflow';
import type { InterruptedOperation } from '../../activities/contract.js';
import type { ErrorResponse, WayOut } from '../../contract/index.js';
import { shellWord } from '../../contract/shell-word.js';
import { askPerson } from './ask-person.js';
import type { Change } from './change-parts.js';
import { StopHere } from './steps.js';

/** Decided before anything else is changed. @throws StopHere when its undo fails, CancelledFailure */
export async function settleInterrupted(change: Change, interrupted: InterruptedOperation): Promise<void> {
  const { input, ref, steps, progress } = change;
  const what = [...interrupted.applied, ...interrupted.half_applied.map((n) => `${n} (half applied)`)].join(', ');
  // No script undoes what a seed wrote.
  const ways: WayOut[] = interrupted.seeded ? ['accept'] : ['undo', 'accept'];
  const answer: ErrorResponse = {
    status: 'error',
    operation: input.operation,
    environment: input.settings.environment,
    code: 'interrupted_operation',
    error: `${interrupted.operation} ${interrupted.operation_id} began at ${interrupted.begun_at} and never ended`,
    result: { interrupted },
    recovery: {
      suggestions: interrupted.seeded
        ? ['It ran a seed, and how that ended is not known', `accept: keep what it wrote; or accept, and then restore the backup that it took: faber-db list-backups ${shellWord(input.settings.environment)}`]
        : [what ? `It left applied: ${what}` : 'It applied nothing', 'accept: keep what it left; undo: undo it by its down scripts'],
      can_continue: true,
    },
    waiting_for: ways,
  };
  // Nothing is changed yet: whoever cancels here leaves it to the next operation.
  const choice = await askPerson(change, answer, { waiting_for: ways });
  let outcome = `accepted by ${choice.decision.by}`;
  if (choice.choice === 'undo') {
    const reverted = await CancellationScope.nonCancellable(() =>
      steps.changing.revertMigrations({ ...ref, artifact: interrupted.artifact ?? ref.artifact, migrations: [], of_operation: interrupted.operation_id, only_lossless: false }),
    );
    if (reverted.status !== 'reverted') throw new StopHere({ code: 'compensation_failed', message: `Undoing ${interrupted.operation_id} failed: ${reverted.reason ?? 'unknown'}` });
    outcome = `undone by decision of ${choice.decision.by}`;
  }
  await CancellationScope.nonCancellable(() => steps.changing.settleInterrupted({ ...ref, interrupted: interrupted.operation_id, answer: { outcome } }));
  progress.note(`${interrupted.operation_id}: ${outcome}`);
}
