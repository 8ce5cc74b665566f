import type { Drift } from '../contract/drift.js';
import { FaberError } from '../contract/failure.js';
import type { Settings } from '../contract/settings.js';
import type { Migration } from '../handlers/migration/contract.js';
import { stillRuns } from './database-lock.js';
import { openResources, type Dependencies, type Resources } from './dependencies.js';
import { withHeartbeat, type Running } from './heartbeat.js';
import { limited } from './limited.js';

/** Of one look. Hundreds of migrations take seconds; a server that stands still must not take minutes. */
const LIMIT_SECONDS = 90;
const SHOWN = 40;

/**
 * Compares the schema with what the applied migrations make, in a scratch database. Safe to attempt again: the next attempt cleans
 * up what a dead one left. That it cannot be told is an answer.
 */
export async function checkDrift(deps: Dependencies, input: { settings: Settings; operation_id: string }): Promise<Drift> {
  return withHeartbeat(async (running) => {
    try {
      return await compare(deps, input, running);
    } catch (error) {
      if (!(error instanceof FaberError) || running.signal.aborted) throw error;
      return unknown(error.message, error.suggestions);
    }
  });
}

async function compare(deps: Dependencies, { settings, operation_id }: { settings: Settings; operation_id: string }, running: Running): Promise<Drift> {
  const resources = await openResources(deps, settings);
  const applied = await limited(resources, running.signal, LIMIT_SECONDS, ({ resources: within }) => whatToCompare(deps, within, settings));
  if (!('digest' in applied)) return applied;
  // Not through the limited target: what was made must be dropped, also when the limit was reached.
  const found = await limited(resources, running.signal, LIMIT_SECONDS, ({ signal }) =>
    deps.drift(settings.provider, resources.database).find({ ...resources, tool: resources.migrations, settings, migrations: applied.applied, id: operation_id, signal, progress: running.progress }),
    tooSlow(settings),
  );
  const { digest } = await resources.migrations.readLedger(resources.target, settings);
  if (digest !== applied.digest) return unknown('Migrations were applied or undone while the schema was compared', [`Ask again: faber-db status ${settings.environment}`]);
  const { differences, notes } = found;
  return {
    status: differences.length > 0 ? 'drifted' : 'none',
    differences: differences.slice(0, SHOWN),
    total: differences.length,
    migrations: applied.applied.length,
    reason: null,
    suggestions: [],
    notes: [...applied.notes, ...notes],
  };
}

interface Comparable { applied: Migration[]; digest: string; notes: string[] }

/** The project's files, in its order, of those migrations that the ledger has as applied. */
async function whatToCompare(deps: Dependencies, { target, database, migrations: tool }: Resources, settings: Settings): Promise<Comparable | Drift> {
  const identity = await database.identify(target);
  if (identity.pooled) return unknown('The database is reached through a pooler in transaction mode', [`Set direct_connection_string_env for ${settings.environment} to a variable with the direct URL`]);
  if (identity.standby) return unknown('The database is a standby: no scratch database can be made on its server', ['Look at the primary']);
  for (const row of await database.bookkeeping.unfinished(target)) {
    // In the middle of a change the schema is between two states; and what a scratch database writes could keep a restore from being proven harmless.
    if (await stillRuns(row.operation_id)) return unknown(`${row.operation} ${row.operation_id} changes the database right now`, ['Ask again when it has ended']);
  }
  const ledger = await tool.readLedger(target, settings);
  if (!ledger.exists) return unknown('The database has no migration ledger, so there is nothing to compare with', [identity.empty ? `Apply the migrations: faber-db migrate ${settings.environment}` : `Name the last migration that it already holds: faber-db migrate ${settings.environment} --baseline NAME`]);
  const project = (await tool.readProject(settings, deps.env)).migrations;
  const status = tool.compare(project, ledger);
  const notes = [
    ...status.edited.map((name) => `${name} was edited after it was applied: the file as it is now was compared`),
    ...status.missing.map((name) => `${name} is applied and not in the project: what it made shows as made by no migration`),
  ];
  return { applied: project.filter(({ name }) => status.applied.includes(name)), digest: ledger.digest, notes: notes.slice(0, SHOWN) };
}

function unknown(reason: string, suggestions: string[]): Drift {
  return { status: 'unknown', differences: [], total: 0, migrations: 0, reason, suggestions, notes: [] };
}

function tooSlow({ environment }: Settings): FaberError {
  return new FaberError({
    code: 'plan_failed',
    message: `Making the schema of all migrations and comparing took longer than ${LIMIT_SECONDS} seconds`,
    suggestions: [`Look without it: faber-db status ${environment} --no-drift`],
  });
}
