import type { HealthCheck, HealthReport } from '../contract/health.js';
import type { Settings } from '../contract/settings.js';
import type { Migration } from '../handlers/migration/contract.js';
import { openResources, type Dependencies, type Resources } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { loadArtifact } from './plan-artifact.js';

/** Connectivity, latency, migrations, transactions, connections. Goes on after a failing check; never throws for a database that is down. */
export async function checkHealth(deps: Dependencies, input: { settings: Settings; artifact: string | null }): Promise<HealthReport> {
  const { settings } = input;
  return withHeartbeat(async () => {
    const resources = openResources(deps, settings);
    const checks = await resources.database.checkHealth(resources.target, settings.health);
    const reachable = checks.every((c) => c.name !== 'connectivity' || c.status !== 'unhealthy');
    checks.push(reachable ? await checkMigrations(deps, resources, input) : { name: 'migrations', status: 'unknown', detail: 'not reachable' });
    const worst = checks.some((c) => c.status === 'unhealthy') ? 'unhealthy' : checks.some((c) => c.status === 'degraded') ? 'degraded' : 'healthy';
    return { status: worst, checks };
  });
}

async function checkMigrations(deps: Dependencies, resources: Resources, input: { settings: Settings; artifact: string | null }): Promise<HealthCheck> {
  const { settings } = input;
  try {
    const project = await projectMigrations(deps, resources, input);
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
    return { name: 'migrations', status: 'unknown', detail: 'The project or its ledger cannot be read' };
  }
}

async function projectMigrations(deps: Dependencies, resources: Resources, input: { settings: Settings; artifact: string | null }): Promise<Migration[]> {
  if (input.artifact === null) return (await resources.migrations.readProject(input.settings, deps.env)).migrations;
  return (await loadArtifact(await deps.openStore(input.settings), input.artifact)).migrations;
}
