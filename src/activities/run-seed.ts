import { FaberError } from '../contract/failure.js';
import type { PlannedSeed } from '../contract/plan.js';
import { barrier } from '../handlers/barrier.js';
import type { ConnectionTarget, StepRow } from '../handlers/database/contract.js';
import type { SeedEnd } from '../handlers/seed/contract.js';
import type { ChangeRef, SeedOutcome } from './contract.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat, type Running } from './heartbeat.js';
import { changeOptions, openPlan, type OpenPlan } from './open-plan.js';
import { requireSameFiles } from './plan-seed.js';
import { seedEnvironment } from './seed-environment.js';
import { seedStep } from './seed-steps.js';

/**
 * Runs the plan's seed, each number once at most: that it begins is remembered in the target before it does. An attempt that finds
 * it begun and not ended tells that, and runs nothing; a person decides.
 */
export async function runSeed(deps: Dependencies, input: ChangeRef & { nth: number }): Promise<SeedOutcome> {
  return withHeartbeat(async (running) => {
    const plan = await openPlan(deps, input.settings, input.artifact);
    const { database, target, settings } = plan;
    const seed = plannedSeed(plan);
    const name = seedStep(input.nth);
    running.progress('Taking the fence');
    const fence = await database.bookkeeping.takeFence(target, input.operation_id, changeOptions(settings, running));
    const before = (await database.bookkeeping.steps(target, input.operation_id)).filter((step) => step.migration === name).map((step) => step.action);
    if (before.includes('applied')) return { status: 'seeded', reason: null, output: '', output_path: null };
    if (before.includes('reverted')) return { status: 'failed', reason: 'it failed, and its worker ended before it could tell why', output: '', output_path: null };
    if (before.includes('started')) return { status: 'unknown', reason: 'it had begun when its worker ended, and how it ended was not recorded', output: '', output_path: null };

    await requireSameFiles({ seeds: deps.seeds, settings }, seed);
    const environment = seedEnvironment(seed, target, input.operation_id, deps.env);
    const remember = (action: StepRow['action']) =>
      database.inTransaction(target, fence, { ...changeOptions(settings, running), step: { migration: name, action, ledgerId: null } }, async () => {});
    await remember('started');
    await barrier('seed-begun', running.signal);
    const end = await runOn(deps, plan, seed, { target, environment }, running);
    await remember(end.succeeded ? 'applied' : 'reverted');
    return { status: end.succeeded ? 'seeded' : 'failed', reason: end.reason, output: end.tail, output_path: await keepOutput(plan, input.operation_id, seed, end) };
  });
}

/** Runs it on a database that may be another than the target: one that is being built beside it. */
export async function runOn(
  deps: Dependencies,
  { settings }: Pick<OpenPlan, 'settings'>,
  seed: PlannedSeed,
  on: { target: ConnectionTarget; environment: ReturnType<typeof seedEnvironment> },
  running: Running,
): Promise<SeedEnd> {
  running.progress(`Running ${seed.command}`);
  return deps.seeds.run({ command: seed.command, ...on.environment, signal: running.signal }, settings);
}

export function plannedSeed({ artifact }: OpenPlan): PlannedSeed {
  const { seed } = artifact.core;
  if (seed === undefined) throw new FaberError({ code: 'store_unavailable', message: 'The plan artifact has no seed' });
  return seed;
}

/** A store that takes no file must not turn a seed that ran into one that failed. */
export async function keepOutput({ store }: OpenPlan, operationId: string, seed: PlannedSeed, end: SeedEnd): Promise<string | null> {
  return store.putErrorDetail(operationId, `${seed.command}\n${end.reason ?? 'it ended well'}\n\n${end.output}\n`).catch(() => null);
}
