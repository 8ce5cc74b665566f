/** What undoing migrations would run: down scripts, newest first, or a restore where one is missing. */
import { FaberError } from '../contract/failure.js';
import type { BackupRecord } from '../contract/backup.js';
import type { Finding, PlannedMigration } from '../contract/plan.js';
import type { DatabaseIdentity } from '../handlers/database/contract.js';
import type { Ledger, Migration } from '../handlers/migration/contract.js';
import { classifyIn } from './classify.js';
import { describeLosses } from './losses.js';
import type { PlanInput, PlanParts } from './make-plan.js';
import { plannedMigration } from './plan-migrate.js';
import { planRestore } from './plan-restore.js';
import { usableDowns } from './usable-downs.js';

/** Down to a migration, by down scripts only: where one is missing, the backup to restore is named. */
export async function planRollbackTo(input: PlanInput, identity: DatabaseIdentity): Promise<PlanParts> {
  const { migrations, target, settings, project } = input;
  const to = (input.request.parameters as { migration: string }).migration;
  const ledger = await migrations.readLedger(target, settings);
  const { applied } = migrations.compare(project, ledger);
  const at = applied.indexOf(to);
  if (at < 0) {
    throw new FaberError({
      code: 'history_conflict',
      message: `'${to}' is not applied to ${target.describe()}; nothing was changed`,
      suggestions: [`Applied: ${applied.slice(-10).join(', ') || 'none'}`],
    });
  }
  const found = await usableDowns(migrations, project, applied.slice(at + 1).reverse());
  if (found.without.length > 0) throw noWay(input, found.without, (await fittingBackups(input, identity, ledger, applied.slice(0, at + 1)))[0]);
  return byDowns(input, ledger, found.scripts);
}

/** The last `steps` migrations, in the order in which they were applied. */
export async function planRollback(input: PlanInput, identity: DatabaseIdentity): Promise<PlanParts> {
  const { migrations, target, settings, project } = input;
  const { steps } = input.request.parameters as { steps: number };
  const ledger = await migrations.readLedger(target, settings);
  const { applied, failed } = migrations.compare(project, ledger);
  if (steps > applied.length) {
    throw new FaberError({
      code: 'plan_failed',
      message: `${applied.length === 0 ? 'No migration is' : `Only ${applied.length} migration(s) are`} applied to ${target.describe()}, so ${steps} cannot be undone; nothing was changed`,
      suggestions: [applied.length === 0 ? `Look at it: faber-db health-check ${settings.environment}` : `Applied: ${applied.slice(-10).join(', ')}`],
    });
  }
  const names = applied.slice(-steps).reverse();
  const found = await usableDowns(migrations, project, names);
  const parts = found.without.length === 0 ? await byDowns(input, ledger, found.scripts) : await byRestore(input, identity, ledger, names, found.without);
  const first: Finding[] = steps < applied.length ? [] : [{ level: 'danger', message: 'Every migration is undone, the first one too: nothing is left of what they made' }];
  const stuck = failed.map((row): Finding => ({ level: 'warning', message: `Another runner left it failed, and undoing leaves that as it is: ${row.evidence}`, migration: row.name }));
  return { ...parts, findings: [...first, ...stuck, ...parts.findings] };
}

async function byDowns({ migrations, project, target }: PlanInput, ledger: Ledger, downs: Migration[]): Promise<PlanParts> {
  const planned: PlannedMigration[] = [];
  const findings: Finding[] = [];
  const unmeasured: string[] = [];
  const dataLoss = await migrations.measureLosses(downs, target);
  for (const migration of downs) {
    const classification = await classifyIn(migrations, project, migration);
    planned.push(plannedMigration(migration, classification));
    findings.push({ level: 'info', message: `${migration.program === undefined ? 'down.sql' : 'Its own down'} will run (${classification.undo.replaceAll('_', ' ')})`, migration: migration.name });
    const counted = dataLoss.some((loss) => loss.migration === migration.name);
    if (classification.undo !== 'lossless' && !counted) unmeasured.push(`Undoing ${migration.name} may lose data; how much is not told by its scripts`);
  }
  const losses = [...describeLosses(dataLoss), ...unmeasured];
  return {
    ledgerDigest: ledger.digest, migrations: planned, baseline: [], resolve: [], restore: null,
    risk: planned.length === 0 ? 'low' : losses.length > 0 ? 'destructive' : 'high', findings, losses, dataLoss, ledgerChanges: [],
  };
}

/** A backup of the state before what is to be undone; the newest that is whole. */
async function byRestore(input: PlanInput, identity: DatabaseIdentity, ledger: Ledger, names: string[], without: string[]): Promise<PlanParts> {
  const { migrations, project } = input;
  const { applied } = migrations.compare(project, ledger);
  const damaged: Finding[] = [];
  for (const record of await fittingBackups(input, identity, ledger, applied.filter((name) => !names.includes(name)))) {
    try {
      const parts = await planRestore(input, identity, record.backup_id);
      const why: Finding = {
        level: 'warning',
        message: `No usable down script for ${without.join(', ')}: ${record.backup_id} is restored instead, which was taken before ${names.at(-1)} was applied`,
      };
      return { ...parts, migrations: names.map((name) => withoutRunning(project, ledger, name)), findings: [why, ...damaged, ...parts.findings] };
    } catch (error) {
      if (!(error instanceof FaberError) || error.code !== 'backup_unusable') throw error;
      damaged.push({ level: 'warning', message: error.message });
    }
  }
  throw noWay(input, without, undefined);
}

/** Backups of this database in whose ledger exactly these migrations were applied, newest first. */
async function fittingBackups({ store, settings, migrations }: PlanInput, { identity }: DatabaseIdentity, ledger: Ledger, applied: string[]): Promise<BackupRecord[]> {
  const digests = new Set(migrations.digestsWhenApplied(ledger, applied));
  const { backups } = await store.listBackups(settings.environment);
  const isGood = (record: BackupRecord) => record.unusable === undefined && record.incomplete_state === undefined;
  return backups.filter((record) => isGood(record) && record.identity === identity && record.ledger_digest !== null && digests.has(record.ledger_digest));
}

/** A restore undoes it, and no script of it runs; it may be gone from the project. */
function withoutRunning(project: readonly Migration[], ledger: Ledger, name: string): PlannedMigration {
  const there = project.find((m) => m.name === name);
  const checksum = ledger.rows.findLast((row) => row.name === name)?.checksum ?? '';
  const common = { transaction: 'transactional', undo: 'restore_only' } as const;
  return there === undefined ? { name, sha256: checksum, down_sha256: null, ...common } : { ...plannedMigration(there, common), ...common };
}

function noWay({ settings }: PlanInput, without: string[], backup: BackupRecord | undefined): FaberError {
  const restore = `faber-db rollback-to ${settings.environment} --backup-id`;
  return new FaberError({
    code: 'plan_failed',
    message: `No usable down script for ${without.join(', ')}${backup ? '' : ', and no backup of the state before'}; nothing was changed`,
    suggestions: [
      settings.migration_tool === 'prisma' ? `Write down.sql beside ${without[0]}'s migration.sql, or make a generated one your own (its first lines say how)` : `Write a down for ${without[0]}`,
      backup
        ? `Or restore ${backup.backup_id}, taken when just what is to be left was applied: ${restore} ${backup.backup_id}`
        : `Or go back further, to a backup: ${restore} ID (faber-db list-backups ${settings.environment} shows them)`,
    ],
  });
}
