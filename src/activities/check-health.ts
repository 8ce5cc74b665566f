import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthCheck, HealthReport } from '../contract/health.js';
import { FaberError } from '../contract/failure.js';
import type { Settings } from '../contract/settings.js';
import type { HealthInput, WatchInput } from './contract.js';
import type { MigrationStatus } from '../handlers/migration/contract.js';
import { openResources, type Dependencies, type Resources } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { limited } from './limited.js';
import { loadArtifact, type PlanArtifact } from './plan-artifact.js';

/** Of who only asks. In a change a slow answer is waited for: to call it none would undo the change. */
const LIMIT_SECONDS = 60;

/** Connectivity, latency, migrations, transactions, connections. Goes on after a failing check; never throws for a database that is down. */
export async function checkHealth(deps: Dependencies, input: HealthInput): Promise<HealthReport> {
  const begun = performance.now();
  return withHeartbeat(async ({ signal, progress }) => {
    for (;;) {
      const report = await look(deps, input, signal);
      if (input.after_change !== true || isReachable(report.checks) || performance.now() - begun > RESTART_MS) return report;
      progress('The database cannot be reached; looking again');
      await sleep(LOOK_AGAIN_MS, undefined, { signal });
    }
  });
}

/** After a change, a server that restarts or a network that is gone for a moment is no reason to undo it. */
const RESTART_MS = 60_000;
const LOOK_AGAIN_MS = 1_000;

/** As often as this, one after the other, it must be unhealthy: a look that fails by chance is no reason to undo a release. */
const UNHEALTHY_LOOKS = 3;

/**
 * Looks again and again until a moment. An attempt that comes later looks once more at least.
 * @returns the report that ended the watch early, unhealthy for the third time in a row; null: it stayed well
 */
export async function watchHealth(deps: Dependencies, input: WatchInput): Promise<HealthReport | null> {
  return withHeartbeat(async ({ signal, progress }) => {
    for (let unhealthy = 0; ; ) {
      const report = await look(deps, input, signal);
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

async function look(deps: Dependencies, input: HealthInput, signal: AbortSignal): Promise<HealthReport> {
  const { settings } = input;
  const resources = await openResources(deps, settings);
  const artifact = await artifactOf(deps, settings, input.artifact);
  // After a restore the application that had taken every place is back before us, and would make a sound database look unhealthy.
  if (artifact instanceof Object && artifact.core.restore !== null) resources.target = resources.target.insisting();
  const checkWith = async (within: Resources) => {
    const found = await within.database.checkHealth(within.target, settings.health);
    return [...found, isReachable(found) ? await checkMigrations(deps, within, settings, artifact) : unreadable('not checked: the database cannot be reached')];
  };
  const checks = artifact === null ? await limited(resources, signal, LIMIT_SECONDS, (within) => checkWith(within.resources)).catch(standsStill) : await checkWith(resources);
  const worst = checks.some((c) => c.status === 'unhealthy') ? 'unhealthy' : checks.some((c) => c.status === 'degraded') ? 'degraded' : 'healthy';
  return { status: worst, checks };
}

const isReachable = (checks: readonly HealthCheck[]) => checks.every(({ name, status }) => name !== 'connectivity' || status !== 'unhealthy');

/** A store that is gone is no fault of the database: then only the migrations are unknown. */
async function artifactOf(deps: Dependencies, settings: Settings, sha256: string | null): Promise<PlanArtifact | null | 'unreadable'> {
  return sha256 === null ? null : deps.openStore(settings).then((store) => loadArtifact(store, sha256)).catch(() => 'unreadable');
}

/** It let us in and then said no more. */
function standsStill(error: unknown): HealthCheck[] {
  if (!(error instanceof FaberError) || error.code !== 'health_check_failed') throw error;
  const recommendation = error.suggestions[0] ?? 'Check that the server runs, and the network between it and the worker.';
  return [{ name: 'connectivity', category: 'connectivity', status: 'unhealthy', detail: typeof error.result?.['error_details'] === 'string' ? error.result['error_details'] : error.message, recommendation }, unreadable('not checked: the database cannot be reached')];
}

const MIGRATIONS = { name: 'migrations', category: 'migrations' } as const;
const unreadable = (detail: string): HealthCheck => ({ ...MIGRATIONS, status: 'unknown', detail, value: null });

async function checkMigrations(deps: Dependencies, resources: Resources, settings: Settings, artifact: PlanArtifact | null | 'unreadable'): Promise<HealthCheck> {
  if (artifact === 'unreadable') return unreadable('The plan that holds the migrations cannot be read');
  try {
    const project = artifact?.migrations ?? (await resources.migrations.readProject(settings, deps.env)).migrations;
    const status = resources.migrations.compare(project, await resources.migrations.readLedger(resources.target, settings));
    return judgeMigrations(status, settings);
  } catch (error) {
    const reason = error instanceof FaberError ? error.message : 'an unexpected error';
    const [suggestion] = error instanceof FaberError ? error.suggestions : [];
    return { ...unreadable(`The project or its ledger cannot be read: ${reason}`), ...(suggestion ? { recommendation: suggestion } : {}) };
  }
}

/** The gravest finding decides what is recommended; all are counted. */
function judgeMigrations(status: MigrationStatus, { environment, health }: Settings): HealthCheck {
  const { applied, pending, failed, edited, missing } = status;
  const detail = [
    `${applied.length} applied, ${pending.length} pending, ${failed.length} failed`,
    ...(edited.length > 0 ? [`${edited.length} edited after being applied`] : []),
    ...(missing.length > 0 ? [`${missing.length} applied and not in the project`] : []),
  ].join(', ');
  const recommendation =
    failed[0] ? `Settle the failed migration ${failed[0].name}: faber-db migrate ${environment}`
    : edited[0] ? `Restore ${edited[0]} from version control, and write a new migration for what was meant`
    : missing[0] ? `Restore ${missing[0]} from version control, or check that this is the right checkout`
    : pending.length > health.pending_migrations_warning ? `Apply them: faber-db migrate ${environment}`
    : null;
  return { ...MIGRATIONS, status: recommendation === null ? 'healthy' : 'degraded', detail, value: pending.length, ...(recommendation === null ? {} : { recommendation }) };
}
