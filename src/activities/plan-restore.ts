/** What restoring a backup would do to the database, and whether it can. */
import { FaberError } from '../contract/failure.js';
import type { Finding } from '../contract/plan.js';
import type { DatabaseIdentity } from '../handlers/database/contract.js';
import type { PlanInput, PlanParts } from './make-plan.js';

export async function planRestore(input: PlanInput, identity: DatabaseIdentity): Promise<PlanParts> {
  const { request, store, backups, target, migrations, settings } = input;
  const record = await store.getBackup((request.parameters as { backup_id: string }).backup_id);
  if (record.identity !== identity.identity) {
    throw new FaberError({
      code: 'backup_unusable',
      message: `${record.backup_id} is a backup of another database (${record.environment}: ${record.database}); nothing was changed`,
      suggestions: [`Backups of this environment: faber-db list-backups ${settings.environment}`],
    });
  }
  const obstacles = await backups.restoreObstacles(target, record);
  if (obstacles.length > 0) {
    throw new FaberError({
      code: 'restore_failed',
      message: `${target.describe()} cannot be replaced by a restore; nothing was changed`,
      result: { obstacles },
      suggestions: obstacles,
    });
  }
  input.progress(`Reading ${record.backup_id} to the end`);
  await backups.check(store, record, input.signal);
  const rows = record.tables.reduce((sum, t) => sum + t.rows, 0);
  const findings: Finding[] = [
    { level: 'info', message: `${record.backup_id} of ${record.created_at}: ${record.tables.length} tables, ${rows} rows, ${record.level}` },
  ];
  if (record.level !== 'proven') findings.push({ level: 'warning', message: 'This backup was checked, but never proven by restoring it' });
  const ledger = await migrations.readLedger(target, settings).catch(() => null);
  if (ledger === null) findings.push({ level: 'warning', message: 'The database as it is now is missing or cannot be read' });
  return {
    // The database may be broken: what its ledger says must not stop its repair.
    ledgerDigest: ledger?.digest ?? 'unreadable',
    migrations: [], baseline: [], resolve: [],
    restore: { backup_id: record.backup_id, sha256: record.sha256 },
    risk: 'destructive',
    findings,
    losses: [`All that was written since ${record.created_at} is not in the restored database; the replaced database is kept beside it`],
    ledgerChanges: [],
  };
}
