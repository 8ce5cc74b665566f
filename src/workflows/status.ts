/** Environments side by side, each looked at where its database can be reached, all at the same time. */
import { isCancellation, workflowInfo } from '@temporalio/workflow';
import type { LoadedEnvironments, OperationsInFlight } from '../activities/contract.js';
import type { Drift, EnvironmentFacts, EnvironmentStatus, FailureFacts, OperationInput, Response, Settings, StatusResult } from '../contract/index.js';
import { factsOf, stepsOn } from './guarded/steps.js';
import { elsewhere, lookFacts, looking, noWorkerOn } from './looking.js';
import { nextSteps } from './next-steps.js';
import { answering } from './unguarded.js';

export async function status(argument: OperationInput): Promise<Response> {
  return answering('status', argument, async (input, progress) => {
    const { environment, drift, loaded, not_shown } = await stepsOn(null).reading.loadEnvironments({ request: input.request });
    progress.environment = environment ?? '';
    progress.enter('checking_health', `Looking at ${loaded.length} environment(s)`);
    const [inFlight, without] = await Promise.all([listInFlight(), queuesWithoutWorker(loaded)]);
    const environments = await Promise.all(loaded.map(async (one) => statusOf(one, await factsOfOne(one, drift, without), inFlight)));
    const result: StatusResult = { environments, not_shown };
    return { status: 'success', operation: 'status', ...(environment === null ? {} : { environment }), result, message: inWords(environments) };
  });
}

interface InFlight {
  operations: OperationsInFlight['operations'];
  warnings: string[];
}

/** What runs is beside the point where Temporal cannot list it: then it is said, and the rest shown. */
async function listInFlight(): Promise<InFlight> {
  try {
    const { operations, more } = await stepsOn(null).reading.listRunning();
    return { operations, warnings: more ? [`More than ${operations.length} operations run, and the others were not looked at: faber-db list --running`] : [] };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { operations: [], warnings: [`Running operations cannot be listed: ${factsOf(error).message}`] };
  }
}

async function queuesWithoutWorker(loaded: LoadedEnvironments['loaded']): Promise<ReadonlySet<string>> {
  const queues = [...new Set(loaded.flatMap(({ settings }) => (settings && elsewhere(settings) ? [settings.task_queue!] : [])))];
  if (queues.length === 0) return new Set();
  const polled = new Set(await stepsOn(null).reading.findWorkers({ task_queues: queues }));
  return new Set(queues.filter((queue) => !polled.has(queue)));
}

type Facts = EnvironmentFacts & { drift: Drift | null };

async function factsOfOne({ settings, failure }: LoadedEnvironments['loaded'][number], drift: boolean, without: ReadonlySet<string>): Promise<Facts> {
  if (settings === undefined) return nothingKnown(failure ?? { code: 'config_invalid', message: 'Its settings cannot be read' });
  if (elsewhere(settings) && without.has(settings.task_queue!)) return nothingKnown(noWorkerOn(settings.task_queue!));
  try {
    const facts = await looking(settings).readEnvironment({ settings });
    return { ...facts, drift: drift && facts.reachable === true ? await driftOf(settings) : null };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return nothingKnown(lookFacts(error, settings));
  }
}

async function driftOf(settings: Settings): Promise<Drift> {
  try {
    return await looking(settings).checkDrift({ settings, operation_id: workflowInfo().workflowId });
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { message, suggestions = [] } = lookFacts(error, settings);
    return { status: 'unknown', differences: [], total: 0, migrations: 0, reason: message, suggestions, notes: [] };
  }
}

function nothingKnown({ code, message, suggestions = [] }: FailureFacts): Facts {
  return {
    reachable: null, problem: { code, message, suggestions }, env_vars: [], database: null, migrations: null, last_backup: null,
    interrupted: [], changing: null, warnings: [], drift: null,
  };
}

function statusOf({ environment, settings }: LoadedEnvironments['loaded'][number], facts: Facts, inFlight: InFlight): EnvironmentStatus {
  const own = inFlight.operations.filter((one) => one.environment === environment).map(({ operation }) => operation);
  const whole = {
    environment,
    protected: settings?.protected ?? null,
    task_queue: settings?.task_queue ?? null,
    ...facts,
    warnings: [...facts.warnings, ...inFlight.warnings],
    running: own.filter(({ waiting_for }) => waiting_for === null),
    waiting: own.filter(({ waiting_for }) => waiting_for !== null),
  };
  return { ...whole, next: nextSteps(whole) };
}

function inWords(environments: readonly EnvironmentStatus[]): string {
  const [only] = environments;
  if (environments.length === 1 && only) return `${only.environment}: ${only.reachable === true ? shortly(only) : (only.problem?.message ?? 'not reachable')}`;
  const reachable = environments.filter((one) => one.reachable === true).length;
  const drifted = environments.filter(({ drift }) => drift?.status === 'drifted').length;
  return `${reachable} of ${environments.length} environments reachable${drifted > 0 ? `, ${drifted} with drift` : ''}`;
}

function shortly({ migrations, drift }: EnvironmentStatus): string {
  const counts = migrations === null ? 'its migrations cannot be read' : `${migrations.applied.count} applied, ${migrations.pending.count} pending, ${migrations.failed.count} failed`;
  const schema = drift === null ? '' : { none: ', no drift', drifted: `, ${drift.total} difference(s) of drift`, unknown: ', drift not checked' }[drift.status];
  return `${counts}${schema}`;
}
