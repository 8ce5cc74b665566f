/** What restoring a backup would do to the database, and whether it can. */
import { countedIn, countedWords, type BackupRecord } from '../contract/backup.js';
import { FaberError } from '../contract/failure.js';
import type { Finding, PlanCore } from '../contract/plan.js';
import type { DatabaseIdentity } from '../handlers/database/contract.js';
import { lossesOfRestore } from './losses.js';
import type { PlanInput, PlanParts } from './make-plan.js';

export async function planRestore(input: PlanInput, identity: DatabaseIdentity, backupId: string): Promise<PlanParts> {
  const { request, store, backups, target, migrations, settings } = input;
  const { from } = request.parameters as { from?: string };
  const record = await store.getBackup(backupId);
  requireRightBackup(input, record, identity.identity, from);
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
  const findings: Finding[] = [
    { level: 'info', message: `${record.backup_id} of ${record.created_at}: ${countedWords(countedIn(record))}, ${record.level}` },
    ...foreignFindings(input, record, identity.identity),
  ];
  findings.push(...doubtsAbout(record));
  for (const message of await backups.restoreDifferences(target, record)) findings.push({ level: 'warning', message });
  const ledger = await migrations.readLedger(target, settings).catch(() => null);
  if (ledger === null) findings.push({ level: 'warning', message: 'The database as it is now is missing or cannot be read' });
  const { losses, lines } = await lossesOfRestore(input, record, identity.identity, migrations.ownTables(settings));
  return {
    // The database may be broken: what its ledger says must not stop its repair.
    ledgerDigest: ledger?.digest ?? 'unreadable',
    migrations: [], baseline: [], resolve: [],
    restore: { backup_id: record.backup_id, sha256: record.sha256 },
    risk: 'destructive',
    findings,
    losses: lines,
    dataLoss: losses,
    ledgerChanges: [],
  };
}

function doubtsAbout({ level, unusable, incomplete_state }: BackupRecord): Finding[] {
  return [
    ...(unusable ? [{ level: 'danger' as const, message: `Restoring this backup was tried at ${unusable.found_at} and failed: ${unusable.reason}` }] : []),
    ...(incomplete_state === undefined ? [] : [{ level: 'warning' as const, message: `It was taken in the middle of ${incomplete_state}: it holds a change that was half made` }]),
    ...(level === 'proven' ? [] : [{ level: 'warning' as const, message: 'This backup was checked, but never proven by restoring it' }]),
  ];
}

/** Whether the roles of a backup are those of another environment. One of this environment on a new server keeps its owners and grants. */
export function isOfAnotherEnvironment(record: BackupRecord, { target, environment }: Pick<PlanCore, 'target' | 'environment'>): boolean {
  return record.identity !== target.identity && record.environment !== environment;
}

/** A backup of another database is a mistake unless the request says whose it is. @throws FaberError backup_unusable */
function requireRightBackup({ settings }: PlanInput, record: BackupRecord, identity: string, from: string | undefined): void {
  const listed = (environment: string) => `Backups of this environment: faber-db list-backups ${environment}`;
  if (from !== undefined && record.environment !== from) {
    throw new FaberError({
      code: 'backup_unusable',
      message: `${record.backup_id} is a backup of '${record.environment}', not of '${from}'; nothing was changed`,
      suggestions: [listed(from)],
    });
  }
  if (from !== undefined || record.identity === identity) return;
  throw new FaberError({
    code: 'backup_unusable',
    message: `${record.backup_id} is a backup of another database (${record.environment}: ${record.database}); nothing was changed`,
    suggestions: [
      listed(settings.environment),
      `To restore it here all the same: faber-db restore ${settings.environment} --backup-id ${record.backup_id} --from ${record.environment}`,
    ],
  });
}

function foreignFindings({ settings, target }: PlanInput, record: BackupRecord, identity: string): Finding[] {
  if (record.identity === identity) return [];
  const here = settings.environment;
  if (record.environment === here) {
    return [{ level: 'warning', message: `This backup of ${here} was taken on another server or of another database (${record.identity}); here it is ${identity}` }];
  }
  const whose = `the data of '${record.environment}' (database ${record.database})`;
  return [
    settings.protected
      ? { level: 'danger', message: `${whose} would become the data of '${here}', which is protected` }
      : { level: 'warning', message: `${whose} would become the data of '${here}', with whatever personal data and secrets it holds` },
    { level: 'info', message: `All objects will belong to the role that connects to ${target.describe()}; owners and grants of the backup are not taken along` },
  ];
}
