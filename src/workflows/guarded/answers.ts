/** Answers of guarded operations, by the contract. Pure. */
import type { ApplyOutcome, MigrationFailureFacts, RebuildOutcome, SeedOutcome } from '../../activities/contract.js';
import { verificationWords } from '../../contract/decision.js';
import type {
  BackupSummary, CancelledResponse, ErrorResponse, FailureFacts, InitializeResult, MigrateResult, PlanSummary, PreviewResult, RecordedDecision, ResetResult, RestoreResult, RollbackReport, RollbackResult, SeedResult, Settings, SuccessResponse, WayOut,
} from '../../contract/index.js';
import { SUPPORT_LINK } from '../../contract/failure.js';
import { shellWord } from '../../contract/shell-word.js';

export interface AnswerContext {
  operation: string;
  environment: string;
  settings: Settings;
  plan: PlanSummary;
  startedAt: number;
  backup: BackupSummary | null;
  appliedBefore: string[];
  approvals: RecordedDecision[];
}

/** Who approved, and how far the name can be relied on. */
const approvedBy = ({ approvals }: AnswerContext): { approved_by?: string[] } =>
  approvals.length === 0 ? {} : { approved_by: approvals.map((a) => `${a.by} (${verificationWords(a)})`) };

const seconds = (context: AnswerContext): number => Math.round((Date.now() - context.startedAt) / 100) / 10;
/** What every answer of a change says of it, whatever it did. */
const changeFacts = (context: AnswerContext, healthChecked: boolean) => ({
  duration_seconds: seconds(context),
  backup_id: context.backup?.backup_id ?? null,
  backup_level: context.backup?.level ?? ('none' as const),
  health_check: healthChecked ? ('passed' as const) : ('skipped' as const),
  plan_hash: context.plan.plan_hash,
  ...approvedBy(context),
});
const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** What the config says; and what only a person can say: how a failed row ended, which database is a protected environment's. */
export function needsApproval(plan: PlanSummary, settings: Settings): boolean {
  const adopts = plan.parameters['adopt'] !== undefined && plan.target.marker === null;
  return settings.approval_required.includes(plan.operation) || plan.resolve.length > 0 || (adopts && settings.protected);
}

/** Error answer for a failure before anything was changed. */
export function failureAnswer(operation: string, environment: string | undefined, facts: FailureFacts, backup: BackupSummary | null = null): ErrorResponse {
  return {
    status: 'error',
    operation,
    ...(environment ? { environment } : {}),
    code: facts.code,
    error: facts.message,
    ...(facts.result ? { result: facts.result } : {}),
    recovery: {
      ...(backup ? { backup_id: backup.backup_id } : {}),
      suggestions: facts.suggestions ?? [],
      ...(facts.code === 'internal' ? { support_link: SUPPORT_LINK } : {}),
    },
  };
}

export function cancelledAnswer(
  operation: string,
  environment: string | undefined,
  code: CancelledResponse['code'],
  message: string,
  result?: Record<string, unknown>,
): CancelledResponse {
  return { status: 'cancelled', operation, ...(environment ? { environment } : {}), ...(code ? { code } : {}), message, ...(result ? { result } : {}) };
}

export function planAnswer(operation: string, plan: PlanSummary, settings: Settings, nothingToDo: boolean): SuccessResponse {
  const result: PreviewResult = {
    plan, plan_hash: plan.plan_hash, pending: plan.migrations_total, approval_required: needsApproval(plan, settings), warnings: settings.warnings,
  };
  return {
    status: 'success',
    operation,
    environment: settings.environment,
    result,
    message: nothingToDo ? `Nothing to do on ${settings.environment}` : `Plan ${plan.plan_hash.slice(0, 12)}: ${plan.restore === null ? plural(plan.migrations_total, 'migration') : `restores ${plan.restore.backup_id}`}, risk ${plan.evidence.risk}; nothing was changed`,
  };
}

const undoes = ({ operation }: PlanSummary): boolean => operation === 'rollback' || operation === 'rollback-to';

export function nothingToDoAnswer(operation: string, plan: PlanSummary, settings: Settings, startedAt: number): SuccessResponse {
  const common = {
    duration_seconds: Math.round((Date.now() - startedAt) / 100) / 10,
    backup_id: null, backup_level: 'none', health_check: 'skipped', plan_hash: plan.plan_hash,
  } as const;
  if (plan.operation === 'initialize-database') return thereAlready(plan, settings, common.duration_seconds);
  if (undoes(plan)) {
    const result: RollbackResult = { migrations_reverted: 0, reverted: [], by: 'down', ...common };
    return { status: 'success', operation, environment: settings.environment, result, message: `Nothing to undo on ${settings.environment}: it is there already` };
  }
  const result: MigrateResult = { migrations_applied: 0, applied: [], ...common };
  return { status: 'success', operation, environment: settings.environment, result, message: `Nothing to do: ${settings.environment} is up to date` };
}

function thereAlready(plan: PlanSummary, settings: Settings, duration_seconds: number): SuccessResponse {
  const { environment } = settings;
  const pending = plan.evidence.pending ?? 0;
  const result: InitializeResult = {
    database: plan.evidence.database.name, created: false, migrations_applied: 0, applied: [], pending, duration_seconds, health_check: 'skipped', plan_hash: plan.plan_hash,
  };
  const state = pending === 0 ? 'with all migrations applied' : `and ${plural(pending, 'migration')} pending: faber-db migrate ${shellWord(environment)}`;
  return { status: 'success', operation: plan.operation, environment, result, message: `The database of ${environment} is there, ${state}; nothing was changed` };
}

export function initializedAnswer(context: AnswerContext, applied: string[], healthChecked: boolean): SuccessResponse {
  const { plan, environment } = context;
  const created = plan.create !== undefined;
  const result: InitializeResult = {
    database: plan.evidence.database.name, created, migrations_applied: applied.length, applied, pending: plan.evidence.pending ?? 0,
    duration_seconds: seconds(context), health_check: healthChecked ? 'passed' : 'skipped', plan_hash: plan.plan_hash, ...approvedBy(context),
  };
  const marked = !created && applied.length === 0;
  return {
    status: 'success', operation: context.operation, environment, result,
    message: marked ? `The database of ${environment} is there, and is marked as such now` : `${created ? 'Created' : 'Initialized'} the database of ${environment} and applied ${plural(applied.length, 'migration')}`,
  };
}

export function migratedAnswer(context: AnswerContext, applied: string[], healthChecked: boolean): SuccessResponse {
  const watched = context.plan.parameters['watch_seconds'];
  const result: MigrateResult = {
    migrations_applied: applied.length,
    applied,
    ...changeFacts(context, healthChecked),
    ...(typeof watched === 'number' ? { watched_seconds: watched } : {}),
    ...(context.plan.baseline.length > 0 ? { baselined: context.plan.baseline.length } : {}),
  };
  return { status: 'success', operation: context.operation, environment: context.environment, result, message: `Applied ${plural(applied.length, 'migration')} to ${context.environment}` };
}

/** Answer of a rollback by down scripts, or by a restore where one is missing. */
export function revertedAnswer(
  context: AnswerContext,
  how: Pick<RollbackResult, 'by' | 'reverted' | 'restored' | 'replaced_database_kept_as'>,
  healthChecked: boolean,
): SuccessResponse {
  const result: RollbackResult = {
    migrations_reverted: how.reverted.length,
    ...how,
    ...changeFacts(context, healthChecked),
  };
  const means = how.by === 'restore' ? ` by restoring ${how.restored}${how.replaced_database_kept_as ? `; the replaced database is kept as ${how.replaced_database_kept_as}` : ''}` : '';
  return { status: 'success', operation: context.operation, environment: context.environment, result, message: `Undid ${plural(how.reverted.length, 'migration')} on ${context.environment}${means}` };
}

export function restoredAnswer(context: AnswerContext, keptAs: string | null, tables: number, rows: number | null): SuccessResponse {
  const restored = context.plan.restore!.backup_id;
  const result: RestoreResult = {
    restored, tables, rows, replaced_database_kept_as: keptAs,
    duration_seconds: seconds(context), backup_id: context.backup?.backup_id ?? null, plan_hash: context.plan.plan_hash, ...approvedBy(context),
  };
  return {
    status: 'success',
    operation: context.operation,
    environment: context.environment,
    result,
    message: `Restored ${restored} as ${context.environment}${keptAs === null ? '' : `; the replaced database is kept as ${keptAs}`}`,
  };
}

export function seededAnswer(context: AnswerContext, { output, output_path }: SeedOutcome, healthChecked: boolean): SuccessResponse {
  const result: SeedResult = {
    command: context.plan.seed?.command ?? '', output, output_path,
    ...changeFacts(context, healthChecked),
  };
  return { status: 'success', operation: context.operation, environment: context.environment, result, message: `Seeded ${context.environment}` };
}

export function resetAnswer(context: AnswerContext, { applied, kept_as }: RebuildOutcome, healthChecked: boolean): SuccessResponse {
  const seeded = context.plan.seed !== undefined;
  const result: ResetResult = {
    migrations_applied: applied.length, applied, seeded, replaced_database_kept_as: kept_as,
    duration_seconds: seconds(context),
    backup_id: context.backup?.backup_id ?? null,
    health_check: healthChecked ? 'passed' : 'skipped',
    plan_hash: context.plan.plan_hash,
    ...approvedBy(context),
  };
  const kept = kept_as === null ? '' : `; the replaced database is kept as ${kept_as}`;
  return { status: 'success', operation: context.operation, environment: context.environment, result, message: `Rebuilt ${context.environment} with ${plural(applied.length, 'migration')}${seeded ? ' and its seed' : ''}${kept}` };
}

/** What failed: a migration, a lock, the health afterwards, or the step as a whole. */
export interface StepFailure {
  code: ErrorResponse['code'];
  message: string;
  migration: MigrationFailureFacts | null;
  result?: Record<string, unknown>;
  suggestions: string[];
  appliedBefore: number;
}

/** A failure that is no migration's: facts are all there is. */
export function stepFailure(facts: FailureFacts, appliedBefore = 0): StepFailure {
  return { code: facts.code, message: facts.message, migration: null, suggestions: facts.suggestions ?? [], appliedBefore, ...(facts.result ? { result: facts.result } : {}) };
}

export function applyFailure(outcome: ApplyOutcome): StepFailure {
  const failure = outcome.failure!;
  const where = failure.line === null ? failure.file : `${failure.file} line ${failure.line}`;
  return {
    code: outcome.lock_timeout ? 'lock_timeout' : 'migration_failed',
    message: outcome.lock_timeout ? `A lock was not to be had in time: ${failure.message}` : `Migration failed: ${failure.message}`,
    migration: failure,
    suggestions: [
      `Review ${where}`,
      ...Object.entries(failure.objects).map(([kind, name]) => `Look at ${kind} ${name}`),
      ...(failure.detail_path ? [`The full error text (it may hold data) is on the worker in ${failure.detail_path}`] : []),
      ...failure.leftovers,
    ],
    appliedBefore: outcome.applied.length,
  };
}

/** Answer for a change that failed: what failed, what was undone, and what to do next. */
export function failedAnswer(context: AnswerContext, failure: StepFailure, rollback: RollbackReport): ErrorResponse {
  const undone = rollback.status === 'undone' || rollback.status === 'nothing_to_undo';
  const migration = failure.migration;
  const waiting = rollback.waiting_for;
  const back = undone ? undefined : rollbackCommand(context);
  return {
    status: 'error',
    operation: context.operation,
    environment: context.environment,
    code: rollback.status === 'failed' ? 'compensation_failed' : failure.code,
    error: rollback.status === 'failed' ? `${failure.message}; and undoing it failed: ${rollback.reason ?? 'unknown'}` : failure.message,
    result: {
      ...failure.result,
      ...(migration
        ? { failed_migration: migration.migration, statement_line: migration.line, sql_state: migration.sql_state, statement: migration.statement }
        : {}),
      backup_id: context.backup?.backup_id ?? null,
      migrations_applied_before_failure: failure.appliedBefore,
      ...approvedBy(context),
      rollback,
    },
    recovery: {
      ...(context.backup ? { backup_id: context.backup.backup_id } : {}),
      ...(back === undefined ? {} : { rollback_command: back }),
      suggestions: [...failure.suggestions, ...(rollback.reason && !undone ? [rollback.reason] : [])],
      can_continue: undone,
      support_link: SUPPORT_LINK,
    },
    ...(waiting && waiting.length > 0 ? { waiting_for: waiting } : {}),
  };
}

/** Absolute and idempotent: run twice, or by an agent, it must not revert an earlier, healthy release. Undefined: no command goes back. */
function rollbackCommand(context: AnswerContext): string | undefined {
  const last = context.appliedBefore.at(-1);
  // Going back from a rollback is going forward again: only the backup is as before.
  const applies = context.plan.restore === null && !undoes(context.plan) && context.plan.seed === undefined;
  const target = last !== undefined && applies ? `--migration ${shellWord(last)}` : context.backup ? `--backup-id ${context.backup.backup_id}` : null;
  if (target === null) return undefined;
  const directory = ` --working-directory ${shellWord(context.settings.working_directory)}`;
  return `faber-db rollback-to ${shellWord(context.environment)} ${target}${directory}`;
}

export function waysOut(hasDowns: boolean, backup: BackupSummary | null): WayOut[] {
  return ['retry', ...(hasDowns ? (['undo'] as const) : []), ...(backup ? (['restore'] as const) : []), 'accept'];
}
