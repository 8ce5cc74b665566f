/**
 * The plan of a guarded operation: what exactly will run, from the project's migrations and the database as it is now.
 * Made twice, by `planOperation` from the checkout and by `recheckPlan` under the lock from the artifact; equal facts
 * must give an equal hash, so nothing in the hashed part depends on time, run or measurement.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../contract/canonical.js';
import { FaberError } from '../contract/failure.js';
import type { Request } from '../contract/operation.js';
import type { DataLoss, Finding, PlanCore, PlanEvidence } from '../contract/plan.js';
import type { Risk, Settings } from '../contract/settings.js';
import { levelFor, type BackupHandler, type Store } from '../handlers/backup/contract.js';
import type { DatabaseIdentity } from '../handlers/database/contract.js';
import type { DriftHandler } from '../handlers/drift/contract.js';
import type { Migration } from '../handlers/migration/contract.js';
import type { SeedHandler } from '../handlers/seed/contract.js';
import type { Resources } from './dependencies.js';
import { adopts, identifyTarget, requireMarked, requireNamed } from './identify-target.js';
import { planInitialize } from './plan-initialize.js';
import { planMigrate } from './plan-migrate.js';
import { planReset, refuseProtected } from './plan-reset.js';
import { planRestore } from './plan-restore.js';
import { planRollback, planRollbackTo } from './plan-rollback.js';
import { planSeed } from './plan-seed.js';

export interface PlanInput extends Resources {
  seeds: SeedHandler;
  request: Request;
  settings: Settings;
  store: Store;
  backups: BackupHandler;
  drift: DriftHandler;
  operationId: string;
  /** All migrations of the project, in order. */
  project: Migration[];
  projectWarnings: string[];
  signal: AbortSignal;
  progress: (message: string) => void;
}

/** What each operation adds to the plan. */
export interface PlanParts {
  ledgerDigest: string;
  migrations: PlanCore['migrations'];
  baseline: string[];
  resolve: string[];
  restore: PlanCore['restore'];
  risk: Risk;
  findings: Finding[];
  losses: string[];
  dataLoss: DataLoss[];
  ledgerChanges: string[];
  /** What a seed would run. */
  seed?: NonNullable<PlanCore['seed']>;
  create?: NonNullable<PlanCore['create']>;
  /** Migrations that are left to migrate. */
  pending?: number;
}

export interface MadePlan {
  core: PlanCore;
  plan_hash: string;
  evidence: PlanEvidence;
  nothing_to_do: boolean;
  identity: DatabaseIdentity;
}

/** Hosted elsewhere, and nothing there: whoever asked may not know that we can be told who provides it. */
function withHosting(error: unknown, { hosting, integration }: Settings): unknown {
  if (!(error instanceof FaberError) || error.code !== 'health_check_failed' || hosting === 'local' || integration?.cloud_plugin) return error;
  const { code, message, result, suggestions } = error;
  return new FaberError({ code, message, ...(result ? { result } : {}), suggestions: [...suggestions, `hosting is ${hosting}: create the server, or set integration.cloud_plugin to the plugin that provides it`] }, { cause: error });
}

function planParts(input: PlanInput, identity: DatabaseIdentity, backupId: string | undefined): Promise<PlanParts> {
  if (backupId !== undefined) return planRestore(input, identity, backupId);
  if (input.request.operation === 'initialize-database') return planInitialize(input, identity);
  if (input.request.operation === 'seed') return planSeed(input);
  if (input.request.operation === 'reset') return planReset(input);
  if (input.request.operation === 'rollback') return planRollback(input, identity);
  if (input.request.operation === 'rollback-to') return planRollbackTo(input, identity);
  return planMigrate(input, identity);
}

/** @throws FaberError: every reason why the operation cannot be planned; nothing was changed. */
export async function makePlan(input: PlanInput): Promise<MadePlan> {
  const { request, settings, store, backups } = input;
  if (request.operation === 'reset') refuseProtected(settings);
  const backupId = 'backup_id' in request.parameters ? request.parameters.backup_id : undefined;
  const initializes = request.operation === 'initialize-database';
  const identity = await identifyTarget(input, backupId !== undefined || initializes).catch((error: unknown) => {
    throw initializes ? withHosting(error, settings) : error;
  });
  requireNamed(input, identity);
  const always = request.operation === 'seed' || request.operation === 'reset';
  if (backupId !== undefined || always || initializes) requireMarked(input, identity);
  const parts = await planParts(input, identity, backupId);
  const restores = parts.restore !== null;
  if (restores) requireMarked(input, identity);

  const changesNothing = !always && parts.create === undefined && parts.migrations.length === 0 && parts.baseline.length === 0 && parts.resolve.length === 0 && parts.restore === null;
  const marks = adopts(request, identity);
  const nothingToDo = changesNothing && !marks;
  const findings: Finding[] = [...[...settings.warnings, ...input.projectWarnings].map((message): Finding => ({ level: 'info', message })), ...parts.findings];
  let backup: PlanEvidence['backup'] = 'none';
  // What it changes is empty.
  if (settings.backup.before_change && !changesNothing && !initializes) {
    backup = levelFor(settings, identity.sizeBytes);
    const preflight = await preflightBackup(input, restores);
    findings.push(...preflight.map((message): Finding => ({ level: 'warning', message })));
    if (settings.backup.verify === 'proven' && backup === 'checked') {
      findings.push({ level: 'warning', message: 'The database is larger than backup.max_database_size: its backup is checked, not proven by a restore' });
    }
  }

  const { working_directory: _directory, dry_run: _dryRun, environment: _environment, ...parameters } = request.parameters as Record<string, unknown>;
  const core: PlanCore = {
    version: 1,
    operation: request.operation === 'migrate-preview' ? 'migrate' : request.operation,
    environment: settings.environment,
    parameters,
    target: { identity: identity.identity, marker: identity.marker },
    ledger_digest: parts.ledgerDigest,
    migrations: parts.migrations,
    baseline: parts.baseline,
    resolve: parts.resolve,
    restore: parts.restore,
    ...(parts.create === undefined ? {} : { create: parts.create }),
    ...(parts.seed === undefined ? {} : { seed: parts.seed }),
    undo: settings.safety.on_failure,
    settings: {
      protected: settings.protected,
      safety: settings.safety,
      approval: settings.approval,
      approval_required: settings.approval_required,
      backup: { before_change: settings.backup.before_change, ...(settings.backup.method === 'snapshot' && { method: settings.backup.method, aws: settings.aws }), verify: settings.backup.verify, max_database_size: settings.backup.max_database_size },
      limits: {
        timeout_seconds: settings.migrations.timeout_seconds,
        lock_timeout_seconds: settings.migrations.lock_timeout_seconds,
        concurrent_timeout_seconds: settings.migrations.concurrent_timeout_seconds,
      },
      // Where the backup goes decides whether it can be restored.
      store: store.id,
    },
  };
  const evidence: PlanEvidence = {
    risk: parts.risk,
    findings,
    backup,
    database: { name: identity.database, server_version: identity.serverVersion, size_bytes: identity.sizeBytes },
    losses: parts.losses,
    ...(parts.pending === undefined ? {} : { pending: parts.pending }),
    ...(parts.dataLoss.length > 0 ? { data_loss: parts.dataLoss } : {}),
    ledger_changes: [...(marks ? [`The database is marked as '${settings.environment}'`] : []), ...parts.ledgerChanges],
  };
  const plan_hash = createHash('sha256').update(canonicalJson(core)).digest('hex');
  return { core, plan_hash, evidence, nothing_to_do: nothingToDo, identity };

  async function preflightBackup(from: PlanInput, forRestore: boolean): Promise<string[]> {
    try {
      await store.preflight();
      return (await backups.preflight(from.target, settings, store)).findings;
    } catch (error) {
      // What a restore is for may be just what makes a safety backup impossible.
      if (forRestore && error instanceof FaberError) return [`No safety backup is possible: ${error.message}`];
      throw error;
    }
  }
}
