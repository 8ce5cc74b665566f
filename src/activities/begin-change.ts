import { letsNobodyIn, type OperationRow } from '../handlers/database/contract.js';
import type { BeginInput, BeginOutcome, ChangeRef, InterruptedOperation } from './contract.js';
import { changeRuns } from './database-lock.js';
import type { Dependencies } from './dependencies.js';
import { FaberError } from '../contract/failure.js';
import { withHeartbeat, type Running } from './heartbeat.js';
import { adopts } from './identify-target.js';
import { leftBy } from './inspect-change.js';
import { changeOptions, openPlan, type OpenPlan } from './open-plan.js';

/**
 * The operation begins to change: bookkeeping in the target, the fence, the row that remembers it, the marker.
 * An earlier operation that began and never ended is named instead, and nothing is begun.
 */
export async function beginChange(deps: Dependencies, input: BeginInput): Promise<BeginOutcome> {
  return withHeartbeat(async (running) => {
    const plan = await openPlan(deps, input.settings, input.artifact);
    const { database, target, migrations, settings } = plan;
    // Nothing can be remembered in a database that a restore is to bring back: the restored one gets the row.
    if (await isMissing(plan)) return { interrupted: null, fingerprint: '', applied_before: [] };
    const ledger = await migrations.readLedger(target, settings);
    const before = {
      fingerprint: await database.schemaFingerprint(target, migrations.ownTables(settings)),
      applied_before: migrations.compare(plan.artifact.migrations, ledger).applied,
    };
    const identity = await database.identify(target);
    // An empty database has nothing that could be another's.
    const claims = adopts(plan.artifact.request, identity) || (identity.marker === null && identity.empty);
    await database.bookkeeping.ensure(target);
    for (const row of await database.bookkeeping.unfinished(target)) {
      if (row.operation_id === input.operation_id) continue;
      const interrupted = await describeInterrupted(plan, row);
      if (interrupted.still_running) {
        throw new FaberError({
          code: 'interrupted_operation',
          message: `${row.operation} ${row.operation_id} still changes this database; nothing was changed`,
          suggestions: [`Wait for it, or look at it: faber-db watch ${row.operation_id}`],
        });
      }
      if (interrupted.applied.length > 0 || interrupted.half_applied.length > 0 || interrupted.seeded) return { interrupted, ...before };
      await plan.backups.cleanUp(target, row.operation_id);
      // It changed nothing: its row ends here, and nobody has to decide anything.
      await database.bookkeeping.end(target, null, row.operation_id, { outcome: 'interrupted before any change' });
    }
    await begin(plan, { ...input, write_marker: input.write_marker || claims }, running);
    return { interrupted: null, ...before };
  });
}

/** The database that a restore brought back has no row of the operation: it was missing when the operation began. */
export async function beginInRestored(deps: Dependencies, input: BeginInput): Promise<void> {
  await withHeartbeat(async (running) => {
    const plan = await openPlan(deps, input.settings, input.artifact);
    if ((await plan.database.bookkeeping.operation(plan.target, input.operation_id)) === null) await begin(plan, { ...input, write_marker: true }, running);
  });
}

/** Only for a restore: for any other operation a database out of reach is a reason to stop. */
async function isMissing({ artifact, database, target }: OpenPlan): Promise<boolean> {
  if (artifact.core.restore === null) return false;
  try {
    await (await database.connect(target, 'begin')).close();
    return false;
  } catch (error) {
    if (letsNobodyIn(error)) return true;
    throw error;
  }
}

async function begin(plan: OpenPlan, input: BeginInput, running: Running): Promise<void> {
  const { database, target, settings } = plan;
  const fence = await database.bookkeeping.takeFence(target, input.operation_id, { ...changeOptions(settings, running), begins: true });
  // An operation that was ended in the middle may have left the application without writes.
  await database.holdWrites(target, fence, false);
  await database.bookkeeping.begin(
    target,
    fence,
    {
      operation_id: input.operation_id, operation: plan.artifact.request.operation, environment: settings.environment,
      request_digest: input.request_digest, plan_hash: input.plan_hash, artifact: input.artifact, requested_by: input.requested_by,
    },
    input.write_marker ? settings.environment : null,
  );
}

async function describeInterrupted(plan: OpenPlan, row: OperationRow): Promise<InterruptedOperation> {
  const left = await leftBy(plan, row.operation_id);
  return {
    operation_id: row.operation_id, operation: row.operation, begun_at: row.begun_at, artifact: row.artifact,
    applied: left.applied, half_applied: left.halfApplied, still_running: await changeRuns(row.operation_id),
    ...(left.seed === undefined ? {} : { seeded: true }),
  };
}

/** An interrupted operation was decided by a person: its row ends. */
export async function settleInterrupted(deps: Dependencies, input: ChangeRef & { interrupted: string; answer: unknown }): Promise<void> {
  const plan = await openPlan(deps, input.settings, input.artifact);
  await plan.backups.cleanUp(plan.target, input.interrupted);
  await plan.database.bookkeeping.end(plan.target, null, input.interrupted, input.answer);
}
