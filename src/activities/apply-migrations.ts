import { FaberError } from '../contract/failure.js';
import type { Migration, StepOutcome } from '../handlers/migration/contract.js';
import type { ApplyOutcome, ChangeRef, MigrationFailureFacts } from './contract.js';
import type { Dependencies } from './dependencies.js';
import { OutcomeUnknown } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { leftBy } from './inspect-change.js';
import { changeOptions, openPlan, stepContext, type OpenPlan } from './open-plan.js';

/**
 * Applies the plan's migrations, many in one activity. Safe to attempt again: each attempt takes the fence, which ends
 * the sessions of the attempt before, reads the ledger and goes on with what is not applied.
 */
export async function applyMigrations(
  deps: Dependencies,
  input: ChangeRef & { resolve: Record<string, 'applied' | 'rolled_back'> },
): Promise<ApplyOutcome> {
  return withHeartbeat(async (running) => {
    const started = performance.now();
    const plan = await openPlan(deps, input.settings, input.artifact);
    const { database, target, migrations, settings, artifact } = plan;
    running.progress('Taking the fence');
    const fence = await database.bookkeeping.takeFence(target, input.operation_id, changeOptions(settings, running));
    const context = { ...stepContext(plan, fence, running), durableLater: true };
    await migrations.ensureLedger(context);
    await settleLedger(plan, input.resolve, context);

    const toRun = artifact.core.migrations.map((planned) => findMigration(artifact.migrations, planned.name));
    const outcome = async (failed: Failed | null, notRun: string[]): Promise<ApplyOutcome> => {
      await database.makeDurable(target, fence);
      const { applied } = await leftBy(plan, input.operation_id);
      const duration_ms = Math.round(performance.now() - started);
      return { status: failed === null ? 'applied' : 'failed', applied, not_run: notRun, failure: failed?.facts ?? null, lock_timeout: failed?.lockTimeout ?? false, duration_ms };
    };
    for (const [index, migration] of toRun.entries()) {
      running.signal.throwIfAborted();
      running.progress(`Applying ${index + 1} of ${toRun.length}: ${migration.name}`);
      const failed = await applyOne(plan, migration, context, input.operation_id);
      if (failed !== null) return outcome(failed, toRun.slice(index + 1).map((m) => m.name));
    }
    return outcome(null, []);
  });
}

export function findMigration(migrations: Migration[], name: string): Migration {
  const found = migrations.find((m) => m.name === name);
  if (found === undefined) throw new FaberError({ code: 'store_unavailable', message: `The plan artifact lacks ${name}` });
  return found;
}

/** Baseline and failed rows of another runner, before anything runs. Both are no-ops when done already. */
async function settleLedger(plan: OpenPlan, resolve: Record<string, 'applied' | 'rolled_back'>, context: ReturnType<typeof stepContext>): Promise<void> {
  const { migrations, artifact, target, settings } = plan;
  if (artifact.core.baseline.length > 0) {
    const ledger = await migrations.readLedger(target, settings);
    if (ledger.rows.length === 0) await migrations.baseline(artifact.core.baseline.map((name) => findMigration(artifact.migrations, name)), context);
  }
  const failed = migrations.compare(artifact.migrations, await migrations.readLedger(target, settings)).failed.map((row) => row.name);
  for (const [name, as] of Object.entries(resolve)) {
    if (!failed.includes(name) || !artifact.core.resolve.includes(name)) continue;
    await migrations.resolve(findMigration(artifact.migrations, name), as, context);
  }
}

export interface Failed {
  facts: MigrationFailureFacts;
  lockTimeout: boolean;
}

export async function applyOne(plan: OpenPlan, migration: Migration, context: ReturnType<typeof stepContext>, operationId: string): Promise<Failed | null> {
  let result: StepOutcome;
  try {
    result = await plan.migrations.apply(migration, context);
  } catch (error) {
    if (!(error instanceof FaberError) || error.code !== 'lock_timeout') throw error;
    const facts = { migration: migration.name, file: migration.file, line: null, sql_state: '55P03', message: error.message, statement: null, objects: {}, half_applied: false, leftovers: error.suggestions, detail_path: null };
    return { facts, lockTimeout: true };
  }
  return result.status === 'failed' ? { facts: await failureFacts(plan, migration, result, operationId), lockTimeout: false } : null;
}

/** Facts of a failed step. A broken connection is no failure: what happened is read by the next attempt. */
export async function failureFacts(plan: OpenPlan, migration: Migration, result: Extract<StepOutcome, { status: 'failed' }>, operationId: string): Promise<MigrationFailureFacts> {
  const { failure } = result;
  if (failure.connectionLost) throw new OutcomeUnknown(`The connection broke while ${migration.name} ran; the ledger tells what happened`);
  return {
    migration: migration.name,
    file: migration.file,
    line: failure.line,
    sql_state: failure.sqlState,
    message: failure.message,
    statement: failure.statement,
    objects: failure.objects,
    half_applied: result.halfApplied,
    leftovers: result.halfApplied ? result.leftovers : [],
    detail_path: await plan.store.putErrorDetail(operationId, `${migration.name}\n${result.detail}\n`).catch(() => null),
  };
}
