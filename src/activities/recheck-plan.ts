import type { PlanCore } from '../contract/plan.js';
import { canonicalJson } from '../contract/canonical.js';
import type { ChangeRef, RecheckOutcome } from './contract.js';
import { openResources, type Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { makePlan } from './make-plan.js';
import { needOfPlan, noteNeed } from './needs.js';
import { openPlan, summarize } from './open-plan.js';
import { saveArtifact } from './plan-artifact.js';

/** Plans again under the lock: the same bytes from the artifact, the database as it is now. */
export async function recheckPlan(deps: Dependencies, ref: ChangeRef): Promise<RecheckOutcome> {
  return withHeartbeat(async (running) => {
    const plan = await openPlan(deps, ref.settings, ref.artifact);
    // As the plan that was approved: one that makes room for itself would see more of a full database, and be another plan.
    const { target } = await openResources(deps, ref.settings);
    const made = await makePlan({
      ...plan, target, seeds: deps.seeds, request: plan.artifact.request, project: plan.artifact.migrations, projectWarnings: [],
      drift: deps.drift(plan.settings.provider, plan.database), operationId: ref.operation_id, signal: running.signal, progress: running.progress,
    });
    const same = made.plan_hash === ref.plan_hash;
    const artifact = same ? ref.artifact : await saveArtifact(plan.store, { ...plan.artifact, core: made.core, plan_hash: made.plan_hash }, (sha256) =>
      noteNeed(plan.store, ref.settings, ref.operation_id, needOfPlan(made.core, sha256)));
    return { same, differences: same ? [] : differences(plan.artifact.core, made.core), plan: summarize(made, artifact), nothing_to_do: made.nothing_to_do };
  });
}

const WORDS: Partial<Record<keyof PlanCore, string>> = {
  target: 'the target is another one, or its marker changed',
  ledger_digest: 'the ledger changed: somebody applied or settled migrations meanwhile',
  migrations: 'other migrations would run',
  resolve: 'the failed rows of the ledger changed',
  restore: 'the backup changed',
  create: 'the database was created or dropped meanwhile',
  seed: 'the seed command or one of its files changed',
  settings: 'the store or the settings changed',
};

function differences(before: PlanCore, after: PlanCore): string[] {
  const changed = (Object.keys(after) as (keyof PlanCore)[]).filter((key) => canonicalJson(before[key]) !== canonicalJson(after[key]));
  const names = (core: PlanCore) => core.migrations.map((m) => m.name);
  const gone = names(before).filter((n) => !names(after).includes(n)).slice(0, 10);
  const added = names(after).filter((n) => !names(before).includes(n)).slice(0, 10);
  return [
    ...changed.map((key) => WORDS[key] ?? `${key} changed`),
    ...(gone.length > 0 ? [`no more in the plan: ${gone.join(', ')}`] : []),
    ...(added.length > 0 ? [`new in the plan: ${added.join(', ')}`] : []),
  ];
}
