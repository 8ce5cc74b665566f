/**
 * The undo ladder (design, section 5): the cheapest rung that holds, each verified, and never one that loses a row the
 * application was told is saved.
 *
 * 1. the database undid it · 2. down scripts of the migrations applied by this run, in reverse ·
 * 3. restore of this run's backup · 4. stop, keep everything, wait for a person
 */
import type { BeginOutcome, ChangeRef, Inspection } from '../../activities/contract.js';
import type { BackupSummary, PlanSummary, RollbackReport } from '../../contract/index.js';
import { waysOut } from './answers.js';
import type { Progress } from './progress.js';
import { factsOf, type Steps } from './steps.js';

export interface UndoContext {
  steps: Steps;
  ref: ChangeRef;
  plan: PlanSummary;
  begun: BeginOutcome;
  backup: BackupSummary | null;
  progress: Progress;
  /** Writes are on again, and the application has used the changed database. */
  watched: boolean;
}

type Tried = { held: RollbackReport } | { reason: string; failed: boolean };

/** Walks down once. Runs in a non-cancellable scope of the caller. Never throws: what went wrong is in the report. */
export async function walkUndoLadder(context: UndoContext, automatic: boolean): Promise<RollbackReport> {
  const { plan, progress, backup } = context;
  const inspection = await inspect(context);
  if (!inspection.reachable) {
    return stopped(context, inspection, 'the database cannot be reached, so what the change left is not known');
  }
  if (inspection.kept_as !== undefined) return stopped(context, inspection, `the databases were exchanged; the one that served before is kept as ${inspection.kept_as}`);
  if (isUntouched(inspection)) {
    const verified = await verify(context);
    return verified.verified
      ? { status: 'nothing_to_undo', by: 'transaction', verified: true }
      : stopped(context, inspection, verified.reason ?? 'the database is not as before');
  }
  if (!automatic || plan.undo === 'stop') return stopped(context, inspection, inspection.seed === undefined ? 'the settings leave the undo to a person' : 'what a seed wrote is undone when a person says so');

  progress.enter('undoing', inspection.seed === undefined ? `Undoing: ${inspection.applied.length} applied, ${inspection.half_applied.length} half applied` : 'Undoing what the seed wrote');
  const reasons: string[] = [];
  let failed = false;
  // Losing what was written during the change may have been accepted; what was written in the watch after it never was.
  const onlyIfQuiet = context.watched || (plan.undo !== 'restore' && (!context.ref.settings.safety.hold_writes || plan.operation === 'seed'));
  const rungs = [() => byDowns(context, inspection, true), () => byRestore(context, backup, onlyIfQuiet)];
  for (const rung of rungs) {
    const tried = await rung();
    if ('held' in tried) {
      progress.note(`Undone by ${tried.held.by === 'down' ? 'down scripts' : 'restoring the backup'}, verified`);
      return tried.held;
    }
    reasons.push(tried.reason);
    failed ||= tried.failed;
  }
  const report = stopped(context, await inspect(context), reasons.join('; '));
  return failed ? { ...report, status: 'failed' } : report;
}

/** The undo that a person chose: losses are accepted. */
export async function undoAsDecided(context: UndoContext, choice: 'undo' | 'restore'): Promise<RollbackReport> {
  const inspection = await inspect(context);
  const tried = choice === 'undo' ? await byDowns(context, inspection, false) : await byRestore(context, context.backup, false);
  if ('held' in tried) return tried.held;
  return { ...stopped(context, await inspect(context), tried.reason), status: 'failed' };
}

function isUntouched(inspection: Inspection): boolean {
  return inspection.seed === undefined && inspection.applied.length === 0 && inspection.half_applied.length === 0 && inspection.reverted.length === 0;
}

async function inspect(context: UndoContext): Promise<Inspection> {
  try {
    return await context.steps.reading.inspectChange({ ...context.ref, backup: context.backup });
  } catch {
    return { reachable: false, applied: [], half_applied: [], reverted: [], has_downs: false, costs: {} };
  }
}

async function verify({ steps, ref, begun }: UndoContext): Promise<{ verified: boolean; reason: string | null }> {
  try {
    return await steps.reading.verifyUndone({ ...ref, fingerprint: begun.fingerprint, applied_before: begun.applied_before });
  } catch (error) {
    return { verified: false, reason: factsOf(error).message };
  }
}

async function byDowns(context: UndoContext, inspection: Inspection, onlyLossless: boolean): Promise<Tried> {
  if (inspection.seed !== undefined) return { reason: 'what a seed wrote has no down script', failed: false };
  // A down assumes that its up ran fully, and re-applying what a rollback-to undid is no undo.
  if (inspection.half_applied.length > 0) return { reason: `down scripts cannot be used: ${inspection.half_applied.join(', ')} is half applied`, failed: false };
  if (inspection.reverted.length > 0) return { reason: 'what was undone so far cannot be undone by down scripts', failed: false };
  try {
    const outcome = await context.steps.changing.revertMigrations({
      ...context.ref, migrations: [], of_operation: context.ref.operation_id, only_lossless: onlyLossless,
    });
    if (outcome.status !== 'reverted') return { reason: `down scripts: ${outcome.reason ?? 'not possible'}`, failed: outcome.status === 'failed' };
    const verified = await verify(context);
    if (!verified.verified) return { reason: `the down scripts ran, but ${verified.reason ?? 'the database is not as before'}`, failed: true };
    return { held: { status: 'undone', by: 'down', verified: true, reverted: outcome.reverted } };
  } catch (error) {
    return { reason: `down scripts: ${factsOf(error).message}`, failed: true };
  }
}

async function byRestore(context: UndoContext, backup: BackupSummary | null, onlyIfQuiet: boolean): Promise<Tried> {
  if (backup === null) return { reason: 'there is no backup of this run to restore', failed: false };
  try {
    const outcome = await context.steps.changing.restoreBackup({ ...context.ref, backup_id: backup.backup_id, only_if_quiet: onlyIfQuiet });
    if (outcome.status !== 'restored') return { reason: `restore: ${outcome.reason ?? 'not possible'}`, failed: outcome.status === 'failed' };
    const verified = await verify(context);
    if (!verified.verified) return { reason: `the backup was restored, but ${verified.reason ?? 'the database is not as before'}`, failed: true };
    return { held: { status: 'undone', by: 'restore', verified: true } };
  } catch (error) {
    return { reason: `restore: ${factsOf(error).message}`, failed: true };
  }
}

function stopped(context: UndoContext, inspection: Inspection, reason: string): RollbackReport {
  return {
    status: 'stopped',
    reason,
    waiting_for: waysOut(inspection.has_downs && inspection.half_applied.length === 0, context.backup),
    costs: inspection.costs,
  };
}
