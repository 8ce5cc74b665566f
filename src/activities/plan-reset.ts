/** What a reset would do: an empty database beside, all migrations, perhaps the seed; then it takes the place of the one that serves. */
import { tableName } from '../contract/backup.js';
import { FaberError } from '../contract/failure.js';
import type { DataLoss, Finding } from '../contract/plan.js';
import type { Settings } from '../contract/settings.js';
import { classifyIn } from './classify.js';
import { describeLosses } from './losses.js';
import type { PlanInput, PlanParts } from './make-plan.js';
import { plannedMigration } from './plan-migrate.js';
import { findSeed } from './plan-seed.js';

const MOST_LINES = 20;

/** Whatever flags, and whoever approves. @throws FaberError environment_protected */
export function refuseProtected({ protected: isProtected, environment }: Settings): void {
  if (!isProtected) return;
  throw new FaberError({
    code: 'environment_protected',
    message: `'${environment}' is protected: it is never reset; nothing was changed`,
    suggestions: [
      `To undo migrations: faber-db rollback ${environment} --dry-run`,
      `Where '${environment}' is none that anybody relies on, its config says so: environments.${environment}.protected: false`,
    ],
  });
}

export async function planReset(input: PlanInput): Promise<PlanParts> {
  const { backups, database, migrations, target, settings, project } = input;
  const obstacles = await backups.replaceObstacles(target);
  if (obstacles.length > 0) {
    throw new FaberError({ code: 'restore_failed', message: `${target.describe()} cannot be replaced by another database; nothing was changed`, result: { obstacles }, suggestions: obstacles });
  }
  const { seed: seeds } = input.request.parameters as { seed: boolean };
  const seeding = seeds ? await findSeed(input) : null;
  const planned = [];
  for (const migration of project) planned.push(plannedMigration(migration, await classifyIn(migrations, project, migration)));
  const counted = await database.measureTables(target);
  const dataLoss = counted.map(({ measured, ...of }): DataLoss => ({ table: tableName(of), column: null, rows: measured?.rows ?? null, exact: measured?.exact ?? false }));
  const lines = describeLosses(dataLoss.filter(({ rows }) => rows !== 0));
  const kept: Finding = { level: 'info', message: 'The database is built anew beside this one and then takes its place; this one is kept beside it until retention takes it' };
  return {
    ledgerDigest: (await migrations.readLedger(target, settings)).digest,
    migrations: planned, baseline: [], resolve: [], restore: null,
    ...(seeding === null ? {} : { seed: seeding.seed }),
    risk: 'destructive',
    findings: [kept, ...(seeding?.findings ?? [])],
    losses: [
      'All that is in the database is not in the rebuilt one, also what no migration makes: objects, grants and extensions that were made by hand',
      ...lines.slice(0, MOST_LINES),
      ...(lines.length > MOST_LINES ? [`and ${lines.length - MOST_LINES} more tables`] : []),
    ],
    dataLoss,
    ledgerChanges: [],
  };
}
