import { FaberError } from '../contract/failure.js';
import type { ConnectionTarget, Session } from '../handlers/database/contract.js';
import { applyOne, findMigration, type Failed } from './apply-migrations.js';
import type { ChangeRef, RebuildOutcome } from './contract.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat, type Running } from './heartbeat.js';
import { changeOptions, openPlan, stepContext, type OpenPlan } from './open-plan.js';
import { refuseProtected } from './plan-reset.js';
import { requireSameFiles } from './plan-seed.js';
import { fenceOf } from './restore-backup.js';
import { keepOutput, plannedSeed, runOn } from './run-seed.js';
import { seedEnvironment } from './seed-environment.js';

/**
 * An empty database beside the one that serves gets all migrations and, where the plan says so, the seed; then it takes its place, and
 * the replaced one is kept. Until then nothing of the serving one is touched. Safe to attempt again: what an attempt left
 * beside is dropped and begun anew, and an exchange that has happened is left alone.
 */
export async function rebuildDatabase(deps: Dependencies, input: ChangeRef): Promise<RebuildOutcome> {
  return withHeartbeat(async (running) => {
    refuseProtected(input.settings);
    const plan = await openPlan(deps, input.settings, input.artifact);
    const { target, backups, database } = plan;
    const names = plan.artifact.core.migrations.map((m) => m.name);
    const fence = await fenceOf(plan, input, running);
    const stillOurs = async (replaced: Session | null) => {
      if (replaced !== null && fence !== null) await database.bookkeeping.checkFence(replaced, fence);
    };
    const not = async (reason: string, failure: RebuildOutcome['failure'] = null): Promise<RebuildOutcome> => {
      await backups.cleanUp(target, input.operation_id).catch(() => undefined);
      return { status: 'failed', reason, failure, applied: [], kept_as: null };
    };
    try {
      const side = await backups.createBeside(target, input.operation_id, running.signal);
      if (side !== null) {
        const failed = await migrateSide({ ...plan, target: side }, input, running);
        if (failed !== null) return await not(`${failed.facts.migration}: ${failed.facts.message}`, failed.facts);
        const unseeded = plan.artifact.core.seed === undefined ? null : await seedSide(deps, plan, side, input, running);
        if (unseeded !== null) return await not(unseeded);
        for (const what of await backups.finishBeside(target, input.operation_id, running.signal)) running.progress(`Not carried over: ${what}`);
      }
      running.progress('Exchanging the databases');
      const { kept_as } = await backups.swap(target, input.operation_id, stillOurs, running.signal);
      return { status: 'rebuilt', reason: null, failure: null, applied: names, kept_as };
    } catch (error) {
      running.signal.throwIfAborted();
      // Out of reach or overtaken: another attempt goes on, and what is there is its to use.
      if (!(error instanceof FaberError) || error.code === 'health_check_failed' || error.code === 'fenced_off') throw error;
      return not(error.message);
    }
  });
}

/** @param plan with the database beside as its target: it has bookkeeping and a fence of its own until the exchange */
async function migrateSide(plan: OpenPlan, { operation_id }: ChangeRef, running: Running): Promise<Failed | null> {
  const { database, target, migrations, artifact, settings } = plan;
  const fence = await database.bookkeeping.takeFence(target, operation_id, changeOptions(settings, running));
  const context = { ...stepContext(plan, fence, running), durableLater: true };
  await migrations.ensureLedger(context);
  const { migrations: planned } = artifact.core;
  for (const [index, { name }] of planned.entries()) {
    running.signal.throwIfAborted();
    running.progress(`Applying ${index + 1} of ${planned.length}: ${name}`);
    const failed = await applyOne(plan, findMigration(artifact.migrations, name), context, operation_id);
    if (failed !== null) return failed;
  }
  await database.makeDurable(target, fence);
  return null;
}

/** @returns why it did not succeed, or null */
async function seedSide(deps: Dependencies, plan: OpenPlan, side: ConnectionTarget, { operation_id }: ChangeRef, running: Running): Promise<string | null> {
  const seed = plannedSeed(plan);
  await requireSameFiles({ seeds: deps.seeds, settings: plan.settings }, seed);
  const environment = seedEnvironment(seed, side, operation_id, deps.env);
  const end = await runOn(deps, plan, seed, { target: side, environment }, running);
  const path = await keepOutput(plan, operation_id, seed, end);
  return end.succeeded ? null : `The seed failed: ${end.reason ?? 'unknown'}${path === null ? '' : `; what it printed is on the worker in ${path}`}`;
}
