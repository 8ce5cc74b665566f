/** What makes a database ready: that it is there, and all migrations on one that has nothing yet. */
import { FaberError } from '../contract/failure.js';
import type { Finding } from '../contract/plan.js';
import type { DatabaseIdentity } from '../handlers/database/contract.js';
import { classifyIn } from './classify.js';
import type { PlanInput, PlanParts } from './make-plan.js';
import { plannedMigration, planMigrate } from './plan-migrate.js';

export async function planInitialize(input: PlanInput, identity: DatabaseIdentity): Promise<PlanParts> {
  requireNameOfUrl(input);
  // A database with data gets its migrations by migrate, which backs it up first.
  if (!identity.empty) return alreadyThere(input, identity);
  const { database, migrations, project, settings, target } = input;
  const missing = identity.missing === true;
  if (missing) {
    const obstacles = await database.creationObstacles(target);
    if (obstacles.length > 0) {
      throw new FaberError({ code: 'plan_failed', message: `The database ${target.database} is not there and cannot be created: ${obstacles[0]!.problem}; nothing was changed`, suggestions: obstacles.map(({ remedy }) => remedy) });
    }
  }
  const planned = [];
  for (const migration of project) planned.push(plannedMigration(migration, await classifyIn(migrations, project, migration)));
  const findings: Finding[] = [{ level: 'info', message: missing ? `The database ${target.database} will be created` : `The database ${target.database} is there and empty` }];
  const ledger = missing ? null : await migrations.readLedger(target, settings);
  return {
    ledgerDigest: ledger?.digest ?? 'missing',
    migrations: planned, baseline: [], resolve: [], restore: null,
    ...(missing ? { create: { database: target.database } } : {}),
    risk: 'low', findings, losses: [], dataLoss: [], ledgerChanges: [],
  };
}

/** @throws FaberError history_conflict for a database without a ledger, as for a migrate */
async function alreadyThere(input: PlanInput, identity: DatabaseIdentity): Promise<PlanParts> {
  const parts = await planMigrate(input, identity);
  const pending = parts.migrations.length;
  const there: Finding = { level: 'info', message: `The database ${input.target.database} is there${pending === 0 ? ', with all migrations applied' : `; ${pending} migration(s) are pending`}` };
  return { ...parts, migrations: [], resolve: [], losses: [], ledgerChanges: [], risk: 'low', pending, findings: [there, ...parts.findings.filter(({ migration }) => migration === undefined || parts.resolve.includes(migration))] };
}

/** The URL names the database; a request that names another one means another URL. @throws FaberError invalid_request */
function requireNameOfUrl({ request, target, settings }: PlanInput): void {
  const { database_name: name } = request.parameters as { database_name?: string };
  if (name === undefined || name === target.database) return;
  const variable = settings.direct_connection_string_env ?? settings.connection_string_env;
  throw new FaberError({
    code: 'invalid_request',
    message: `database_name is '${name}', and the URL in ${variable} names '${target.database}'; nothing was changed`,
    suggestions: [`Change the URL in ${variable} on the worker, or leave database_name out`],
  });
}
