import type { EnvironmentFacts, MigrationsInShort } from '../contract/status.js';
import { SHOWN_NAMES } from '../contract/status.js';
import { FaberError } from '../contract/failure.js';
import type { Settings } from '../contract/settings.js';
import type { MigrationStatus } from '../handlers/migration/contract.js';
import { stillRuns } from './database-lock.js';
import { openResources, type Dependencies, type Resources } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { limited } from './limited.js';

/** One server that hangs must not hold the answer about the others. */
const LIMIT_SECONDS = 15;
const SHOWN_INTERRUPTED = 10;

/** Looks at one environment where its database can be reached. Whatever it finds is an answer. */
export async function readEnvironment(deps: Dependencies, input: { settings: Settings }): Promise<EnvironmentFacts> {
  const { settings } = input;
  return withHeartbeat(async (running) => {
    const facts: EnvironmentFacts = {
      reachable: false, problem: null, env_vars: envVariables(deps, settings), database: null, migrations: null, last_backup: null,
      interrupted: [], changing: null, warnings: [...settings.warnings],
    };
    await readLastBackup(deps, settings, facts);
    try {
      await limited(await openResources(deps, settings), running.signal, LIMIT_SECONDS, ({ resources }) => readDatabase(deps, resources, settings, facts));
    } catch (error) {
      if (!(error instanceof FaberError) || running.signal.aborted) throw error;
      const { code, message, suggestions } = error;
      // What was read before is worth nothing where the rest cannot be read.
      return { ...facts, reachable: false, problem: { code, message, suggestions } };
    }
    return facts;
  });
}

/** Every variable that the environment's settings name, by its name; those of the seed are its command's own. */
function envVariables(deps: Dependencies, settings: Settings): EnvironmentFacts['env_vars'] {
  const names = [...Object.entries(settings), ...Object.entries(settings.integration ?? {})].flatMap(([key, value]) => (key.endsWith('_env') && typeof value === 'string' ? [value] : []));
  return [...new Set([...names, ...settings.seed.variables])].map((name) => ({ name, value: deps.env[name]?.trim() ? 'SET' : 'NOT SET' }));
}

async function readLastBackup(deps: Dependencies, settings: Settings, facts: EnvironmentFacts): Promise<void> {
  try {
    const [last] = (await (await deps.openStore(settings)).listBackups(settings.environment)).backups;
    if (last === undefined) return;
    const { backup_id, created_at, level, size_bytes, unusable } = last;
    const age_seconds = Math.max(0, Math.round((Date.now() - Date.parse(created_at)) / 1000));
    facts.last_backup = { backup_id, created_at, age_seconds, level, proven: level === 'proven' && unusable === undefined, size_bytes };
    if (unusable) facts.warnings.push(`The last backup, ${backup_id}, could not be restored at ${unusable.found_at}: ${unusable.reason}`);
  } catch (error) {
    if (!(error instanceof FaberError)) throw error;
    facts.warnings.push(`The backups cannot be listed: ${error.message}`);
  }
}

async function readDatabase(deps: Dependencies, resources: Resources, settings: Settings, facts: EnvironmentFacts): Promise<void> {
  const { database, target } = resources;
  const { identity, database: name, serverVersion, sizeBytes, standby, pooled, marker, empty } = await database.identify(target);
  facts.reachable = true;
  facts.database = { identity, name, server_version: serverVersion, size_bytes: sizeBytes, standby, pooled, marker, empty };
  for (const { operation_id, operation, begun_at } of await database.bookkeeping.unfinished(target)) {
    if (await stillRuns(operation_id)) facts.changing = operation_id;
    else if (facts.interrupted.length < SHOWN_INTERRUPTED) facts.interrupted.push({ operation_id, operation, begun_at });
  }
  facts.migrations = await readMigrations(deps, resources, settings, facts);
}

async function readMigrations(deps: Dependencies, { migrations: tool, target }: Resources, settings: Settings, facts: EnvironmentFacts): Promise<MigrationsInShort | null> {
  const ledger = await tool.readLedger(target, settings);
  try {
    const project = await tool.readProject(settings, deps.env);
    facts.warnings.push(...project.warnings);
    return inShort(tool.compare(project.migrations, ledger), ledger.exists);
  } catch (error) {
    if (!(error instanceof FaberError)) throw error;
    facts.warnings.push(`The migrations of the project cannot be read: ${error.message}`);
    return null;
  }
}

function inShort(status: MigrationStatus, ledger: boolean): MigrationsInShort {
  const names = (all: readonly string[]) => ({ count: all.length, names: all.slice(0, SHOWN_NAMES) });
  return {
    ledger,
    applied: { count: status.applied.length, last: status.applied.at(-1) ?? null },
    pending: names(status.pending),
    failed: names(status.failed.map(({ name }) => name)),
    edited: names(status.edited),
    missing: names(status.missing),
    out_of_order: names(status.out_of_order),
  };
}
