import { isCancellation, workflowInfo } from '@temporalio/workflow';
import type { Drift, HealthCheck, HealthReport, OperationInput, Response, Settings } from '../contract/index.js';
import { StopHere, stepsOn } from './guarded/steps.js';
import { elsewhere, lookFacts, looking, noWorkerOn } from './looking.js';
import { unguarded } from './unguarded.js';

/** Connectivity, migrations, schema and performance of a database; read-only. How it is, is the answer: also that it cannot be reached. */
export async function healthCheck(input: OperationInput): Promise<Response> {
  return unguarded('health-check', input, async ({ settings }, progress) => {
    await requireWorker(settings);
    progress.enter('checking_health', 'Checking health');
    const report = await ask(settings, () => looking(settings).checkHealth({ settings, artifact: null }));
    const reachable = report.checks.every(({ name, status }) => name !== 'connectivity' || status !== 'unhealthy');
    if (reachable) progress.note('Comparing the schema with what the migrations make');
    const drift = reachable ? await ask(settings, () => looking(settings).checkDrift({ settings, operation_id: workflowInfo().workflowId })) : null;
    const result = withSchema(report, drift, settings.environment);
    return { status: 'success', operation: 'health-check', environment: settings.environment, result: { ...result }, message: `${settings.environment} is ${result.status}` };
  });
}

/** Told at once: the answer of a pipeline is not to wait for a worker that nobody started. */
async function requireWorker(settings: Settings): Promise<void> {
  if (!elsewhere(settings)) return;
  const queue = settings.task_queue!;
  const polled = await stepsOn(null).reading.findWorkers({ task_queues: [queue] });
  if (polled.length === 0) throw new StopHere(noWorkerOn(queue));
}

async function ask<T>(settings: Settings, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (isCancellation(error)) throw error;
    throw new StopHere(lookFacts(error, settings));
  }
}

function withSchema(report: HealthReport, drift: Drift | null, environment: string): HealthReport {
  const at = report.checks.findIndex(({ name }) => name === 'migrations') + 1;
  const checks = [...report.checks.slice(0, at), schemaCheck(drift, environment), ...report.checks.slice(at)];
  const degraded = report.status === 'healthy' && drift?.status === 'drifted';
  return { status: degraded ? 'degraded' : report.status, checks, ...(drift === null ? {} : { drift }) };
}

function schemaCheck(drift: Drift | null, environment: string): HealthCheck {
  const check = { name: 'schema', category: 'schema' } as const;
  if (drift === null) return { ...check, status: 'unknown', detail: 'not checked: the database cannot be reached', value: null };
  if (drift.status === 'unknown') {
    const [suggestion] = drift.suggestions;
    return { ...check, status: 'unknown', detail: `could not be checked: ${drift.reason ?? 'for an unknown reason'}`, value: null, ...(suggestion ? { recommendation: suggestion } : {}) };
  }
  if (drift.status === 'none') return { ...check, status: 'healthy', detail: `as the ${drift.migrations} applied migration(s) make it`, value: 0 };
  const named = drift.differences.slice(0, 3).map(({ object }) => object).join(', ');
  return {
    ...check,
    status: 'degraded',
    detail: `${drift.total} difference(s) from what the migrations make: ${named}${drift.total > 3 ? ' …' : ''}`,
    value: drift.total,
    recommendation: `See them as SQL: faber-db status ${environment}; then undo them by hand, or write a migration that makes them`,
  };
}
