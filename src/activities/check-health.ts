import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthCheck, HealthReport } from '../contract/health.js';
import type { Settings } from '../contract/settings.js';
import type { WatchInput } from './contract.js';
import { openResources, type Dependencies, type Resources } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { loadArtifact, type PlanArtifact } from './plan-artifact.js';

const UNREADABLE: HealthCheck = { name: 'migrations', status: 'unknown', detail: 'The project or its ledger cannot be read' };

/** Connectivity, latency, migrations, transactions, connections. Goes on after a failing check; never throws for a database that is down. */
export async function checkHealth(deps: Dependencies, input: { settings: Settings; artifact: string | null }): Promise<HealthReport> {
  return withHeartbeat(() => look(deps, input));
}

/** As often as this, one after the other, it must be unhealthy: a look that fails by chance is no reason to undo a release. */
const UNHEALTHY_LOOKS = 3;

/**
 * Looks again and again until a moment. An attempt that comes later looks once more at least.
 * @returns the report that ended the watch early, unhealthy for the third time in a row; null: it stayed well
 */
export async function watchHealth(deps: Dependencies, input: WatchInput): Promise<HealthReport | null> {
  return withHeartbeat(async ({ signal, progress }) => {
    for (let unhealthy = 0; ; ) {
      const report = await look(deps, input);
      unhealthy = report.status === 'unhealthy' ? unhealthy + 1 : 0;
      if (unhealthy >= UNHEALTHY_LOOKS) return report;
      const left = input.until_ms - Date.now();
      // What it is at the end must be known: a doubt is looked into beyond it.
      if (left <= 0 && unhealthy === 0) return null;
      progress(`Watching: ${report.status}, ${Math.max(Math.ceil(left / 1000), 0)} s to go`);
      await sleep(Math.min(input.interval_ms, unhealthy === 0 ? Math.max(left, 0) : input.interval_ms), undefined, { signal });
    }
  });
}

async function look(deps: Dependencies, input: { settings: Settings; artifact: string | null }): Promise<HealthReport> {
  const { settings } = input;
  const resources = openResources(deps, settings);
  const artifact = await artifactOf(deps, settings, input.artifact);
  // After a restore the application that had taken every place is back before us, and would make a sound database look unhealthy.
  if (artifact instanceof Object && artifact.core.restore !== null) resources.target = resources.target.insisting();
  const checks = await resources.database.checkHealth(resources.target, settings.health);
  const reachable = checks.every((c) => c.name !== 'connectivity' || c.status !== 'unhealthy');
  checks.push(reachable ? await checkMigrations(deps, resources, settings, artifact) : { name: 'migrations', status: 'unknown', detail: 'not reachable' });
  const worst = checks.some((c) => c.status === 'unhealthy') ? 'unhealthy' : checks.some((c) => c.status === 'degraded') ? 'degraded' : 'healthy';
  return { status: worst, checks };
}

/** A store that is gone is no fault of the database: then only the migrations are unknown. */
async function artifactOf(deps: Dependencies, settings: Settings, sha256: string | null): Promise<PlanArtifact | null | 'unreadable'> {
  return sha256 === null ? null : deps.openStore(settings).then((store) => loadArtifact(store, sha256)).catch(() => 'unreadable');
}

async function checkMigrations(deps: Dependencies, resources: Resources, settings: Settings, artifact: PlanArtifact | null | 'unreadable'): Promise<HealthCheck> {
  if (artifact === 'unreadable') return UNREADABLE;
  try {
    const project = artifact?.migrations ?? (await resources.migrations.readProject(settings, deps.env)).migrations;
    const status = resources.migrations.compare(project, await resources.migrations.readLedger(resources.target, settings));
    const detail = `${status.applied.length} applied, ${status.pending.length} pending, ${status.failed.length} failed`;
    if (status.failed.length > 0) {
      return { name: 'migrations', status: 'degraded', detail, value: status.pending.length, recommendation: `Settle the failed migration ${status.failed[0]!.name}: faber-db migrate ${settings.environment}` };
    }
    if (status.pending.length > settings.health.pending_migrations_warning) {
      return { name: 'migrations', status: 'degraded', detail, value: status.pending.length, recommendation: `Apply them: faber-db migrate ${settings.environment}` };
    }
    return { name: 'migrations', status: 'healthy', detail, value: status.pending.length };
  } catch {
    return UNREADABLE;
  }
}
