/** What undoing down to a migration would run: down scripts, newest first. */
import { FaberError } from '../contract/failure.js';
import type { Finding, PlannedMigration } from '../contract/plan.js';
import { plannedMigration } from './plan-migrate.js';
import type { PlanInput, PlanParts } from './make-plan.js';

export async function planRollback(input: PlanInput): Promise<PlanParts> {
  const { migrations, target, settings, project } = input;
  const to = (input.request.parameters as { migration: string }).migration;
  const ledger = await migrations.readLedger(target, settings);
  const applied = migrations.compare(project, ledger).applied;
  const at = applied.indexOf(to);
  if (at < 0) {
    throw new FaberError({
      code: 'history_conflict',
      message: `'${to}' is not applied to ${target.describe()}; nothing was changed`,
      suggestions: [`Applied: ${applied.slice(-10).join(', ') || 'none'}`],
    });
  }
  const names = applied.slice(at + 1).reverse();
  const planned: PlannedMigration[] = [];
  const findings: Finding[] = [];
  const losses: string[] = [];
  const without: string[] = [];
  for (const name of names) {
    const migration = project.find((m) => m.name === name);
    if (migration === undefined || migration.down === null) {
      without.push(name);
      continue;
    }
    const classification = await migrations.classify(migration);
    planned.push(plannedMigration(migration, classification));
    if (classification.undo !== 'lossless') losses.push(`Undoing ${name} loses data written to what it added`);
    findings.push({ level: 'info', message: `down.sql will run (${classification.undo.replaceAll('_', ' ')})`, migration: name });
  }
  if (without.length > 0) {
    throw new FaberError({
      code: 'plan_failed',
      message: `No down script for ${without.join(', ')}; nothing was changed`,
      suggestions: [
        `Write down.sql beside ${without[0]}'s migration.sql`,
        `Or restore a backup: faber-db rollback-to ${settings.environment} --backup-id ID (faber-db list-backups shows them)`,
      ],
    });
  }
  return {
    ledgerDigest: ledger.digest, migrations: planned, baseline: [], resolve: [], restore: null,
    risk: planned.length === 0 ? 'low' : losses.length > 0 ? 'destructive' : 'high', findings, losses, ledgerChanges: [],
  };
}
