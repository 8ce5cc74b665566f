/** Everything an activity needs to work on an approved plan: resources, store, artifact. */
import type { PlanSummary } from '../contract/plan.js';
import { SHOWN_MIGRATIONS } from '../contract/plan.js';
import type { Settings } from '../contract/settings.js';
import type { BackupHandler, Store } from '../handlers/backup/contract.js';
import type { ChangeOptions } from '../handlers/database/contract.js';
import type { StepContext } from '../handlers/migration/contract.js';
import type { Fence } from '../handlers/database/contract.js';
import type { Dependencies, Resources } from './dependencies.js';
import { openResources } from './dependencies.js';
import type { Running } from './heartbeat.js';
import type { MadePlan } from './make-plan.js';
import { loadArtifact, type PlanArtifact } from './plan-artifact.js';

export interface OpenPlan extends Resources {
  settings: Settings;
  store: Store;
  backups: BackupHandler;
  artifact: PlanArtifact;
}

export async function openPlan(deps: Dependencies, settings: Settings, artifact: string): Promise<OpenPlan> {
  const resources = await openResources(deps, settings);
  const store = await deps.openStore(settings);
  const plan = await loadArtifact(store, artifact);
  // A restore ends all sessions anyway: an application that has taken every place must not keep it out.
  const target = plan.core.restore === null ? resources.target : resources.target.insisting();
  return { ...resources, target, settings, store, backups: await deps.backups(settings, resources.database), artifact: plan };
}

export function changeOptions(settings: Settings, running: Running): ChangeOptions {
  return {
    signal: running.signal,
    attemptAt: running.attemptAt,
    lockTimeoutSeconds: settings.migrations.lock_timeout_seconds,
    timeoutSeconds: settings.migrations.timeout_seconds,
    onWait: running.progress,
  };
}

export function stepContext(plan: Pick<OpenPlan, 'settings' | 'target'>, fence: Fence, running: Running): StepContext {
  return {
    ...changeOptions(plan.settings, running),
    target: plan.target,
    settings: plan.settings,
    fence,
    concurrentTimeoutSeconds: plan.settings.migrations.concurrent_timeout_seconds,
  };
}

/** The plan as it travels: bounded, whatever the number of migrations and findings. */
export function summarize(made: MadePlan, artifact: string): PlanSummary {
  const shown = made.core.migrations.slice(0, SHOWN_MIGRATIONS);
  return {
    ...made.core,
    migrations: shown,
    plan_hash: made.plan_hash,
    artifact,
    evidence: {
      ...made.evidence,
      findings: made.evidence.findings.slice(0, SHOWN_MIGRATIONS),
      losses: made.evidence.losses.slice(0, SHOWN_MIGRATIONS),
      ...(made.evidence.data_loss ? { data_loss: made.evidence.data_loss.slice(0, SHOWN_MIGRATIONS) } : {}),
      ledger_changes: made.evidence.ledger_changes.slice(0, SHOWN_MIGRATIONS),
    },
    migrations_total: made.core.migrations.length,
    migrations_not_shown: made.core.migrations.length - shown.length,
  };
}
