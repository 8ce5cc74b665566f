import { FaberError } from '../contract/failure.js';
import { failureFacts } from './apply-migrations.js';
import { beforeIn } from './classify.js';
import type { RevertInput, RevertOutcome } from './contract.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { leftBy } from './inspect-change.js';
import { changeOptions, openPlan, stepContext } from './open-plan.js';
import { usableDowns } from './usable-downs.js';

/** Runs down scripts, newest first. Safe to attempt again: what is reverted already is left alone. */
export async function revertMigrations(deps: Dependencies, input: RevertInput): Promise<RevertOutcome> {
  return withHeartbeat(async (running) => {
    const plan = await openPlan(deps, input.settings, input.artifact);
    const { database, target, migrations, settings } = plan;
    running.progress('Taking the fence');
    const fence = await database.bookkeeping.takeFence(target, input.operation_id, changeOptions(settings, running));
    const own = input.migrations.length === 0;
    const names = own ? (await leftBy(plan, input.of_operation)).applied.toReversed() : input.migrations;
    const { scripts, without } = await usableDowns(migrations, plan.artifact.migrations, names);
    const done = async () => (await database.bookkeeping.steps(target, input.operation_id)).filter((s) => s.action === 'reverted').map((s) => s.migration);
    if (without.length > 0) return { status: 'refused', reverted: [], reason: `no usable down script for ${without.join(', ')}`, failure: null };

    const context = { ...stepContext(plan, fence, running), refuseLosses: input.only_lossless ? { operationId: input.of_operation } : null };
    for (const [index, migration] of scripts.entries()) {
      running.signal.throwIfAborted();
      running.progress(`Undoing ${index + 1} of ${scripts.length}: ${migration.name}`);
      try {
        const result = await migrations.revert(migration, { ...context, before: beforeIn(plan.artifact.migrations, migration) });
        if (result.status === 'failed') {
          const failure = await failureFacts(plan, migration, result, input.operation_id);
          return { status: 'failed', reverted: await done(), reason: `${migration.name}: ${failure.message}`, failure };
        }
      } catch (error) {
        if (!(error instanceof FaberError)) throw error;
        if (error.code === 'would_lose_data') return { status: 'refused', reverted: await done(), reason: error.message, failure: null };
        if (error.code === 'lock_timeout') return { status: 'failed', reverted: await done(), reason: `${migration.name}: ${error.message}`, failure: null };
        throw error;
      }
    }
    return { status: 'reverted', reverted: await done(), reason: null, failure: null };
  });
}
