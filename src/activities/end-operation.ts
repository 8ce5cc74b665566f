import { letsNobodyIn } from '../handlers/database/contract.js';
import type { ChangeRef, EndInput } from './contract.js';
import { openResources, type Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { changeOptions, openPlan } from './open-plan.js';

/** Records the end: the audit line in the store first, so that a database that is down cannot keep it away. Idempotent. */
export async function endOperation(deps: Dependencies, input: EndInput): Promise<void> {
  const { settings } = input;
  const store = await deps.openStore(settings);
  await store.appendAudit(input.audit);
  await store.forget(input.operation_id);
  if (!input.began) return;
  const resources = await openResources(deps, settings);
  const { database } = resources;
  const target = input.restores ? resources.target.insisting() : resources.target;
  if ((await database.bookkeeping.operation(target, input.operation_id)) === null) return;
  await database.bookkeeping.end(target, null, input.operation_id, input.answer);
  // An attempt that died, with no other after it, has left its scratch database.
  await (await deps.backups(settings, database)).cleanUp(target, input.operation_id);
}

/** Holds writes of others off, or lets them on again. */
export async function holdWrites(deps: Dependencies, input: ChangeRef & { hold: boolean }): Promise<void> {
  await withHeartbeat(async (running) => {
    const plan = await openPlan(deps, input.settings, input.artifact);
    try {
      const fence = await plan.database.bookkeeping.takeFence(plan.target, input.operation_id, changeOptions(input.settings, running));
      await plan.database.holdWrites(plan.target, fence, input.hold);
    } catch (error) {
      // In a database that is to be restored because it lets nobody in, nobody writes.
      if (plan.artifact.core.restore === null || !letsNobodyIn(error)) throw error;
    }
  });
}
