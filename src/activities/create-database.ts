import type { ChangeRef } from './contract.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { openPlan } from './open-plan.js';

/** Creates the plan's database. Already there: nothing happens; what is in it is looked at by what follows. */
export async function createDatabase(deps: Dependencies, ref: ChangeRef): Promise<void> {
  await withHeartbeat(async () => {
    const { database, target } = await openPlan(deps, ref.settings, ref.artifact);
    await database.createDatabase(target);
  });
}
