/** What retention finds in one environment: its backups and replaced databases, each with the verdict and its reason. */
import type { Settings } from '../contract/settings.js';
import type { Retained } from '../contract/retention.js';
import type { BackupHandler, ReplacedDatabase, Store } from '../handlers/backup/contract.js';
import type { ConnectionTarget } from '../handlers/database/contract.js';
import { type Dependencies, openResources } from './dependencies.js';
import { Needs } from './needs.js';
import { type BackupVerdict, judgeBackups, judgeReplaced, type RetentionFacts } from './retention-rules.js';

export function retentionFacts(settings: Settings, identity: string | null): RetentionFacts {
  return { environment: settings.environment, retentionDays: settings.backup.retention_days, now: Date.now(), identity };
}

/** Of the backups that age would let go, those that an operation needs stay. */
export async function retainBackups(deps: Dependencies, settings: Settings, store: Store, facts: RetentionFacts): Promise<{ verdicts: BackupVerdict[]; damaged: string[] }> {
  const { backups, damaged } = await store.listBackups(settings.environment);
  const needs = new Needs(deps, settings, store);
  const verdicts: BackupVerdict[] = [];
  for (const verdict of judgeBackups(backups, facts)) {
    const needed = verdict.remove ? await needs.ofBackup(verdict.id, verdict.record.operation_id) : null;
    verdicts.push(needed === null ? verdict : { ...verdict, remove: false, reason: needed });
  }
  return { verdicts, damaged };
}

export interface RetainedDatabase extends Retained {
  replaced: ReplacedDatabase;
}

/** The databases that restores of this environment replaced. @throws FaberError health_check_failed */
export async function retainDatabases(
  deps: Dependencies,
  settings: Settings,
  { backups, target, store }: { backups: BackupHandler; target: ConnectionTarget; store: Store },
  facts: RetentionFacts,
): Promise<RetainedDatabase[]> {
  const found = await backups.replacedDatabases(target);
  if (found.length === 0) return [];
  const needs = new Needs(deps, settings, store);
  const judged = judgeReplaced(found, facts, await servingDatabases(deps, settings));
  return Promise.all(judged.map(async (one, at) => {
    const replaced = found[at]!;
    const open = one.remove && replaced.operation !== null ? await needs.ofOperation(replaced.operation.operation_id) : null;
    return { ...one, replaced, ...(open === null ? {} : { remove: false, reason: open }) };
  }));
}

/** Names of the databases that the environments of the project connect to, whatever the server: too many only keeps more. */
async function servingDatabases(deps: Dependencies, settings: Settings): Promise<Set<string>> {
  const names = new Set<string>();
  for (const environment of await deps.configuredEnvironments(settings.working_directory)) {
    const other = await deps.loadSettings(settings.working_directory, environment).catch(() => null);
    for (const variable of [other?.connection_string_env, other?.direct_connection_string_env]) {
      const url = variable ? deps.env[variable] : undefined;
      if (url !== undefined && url.trim() !== '') names.add(databaseIn(deps, settings, url.trim()));
    }
  }
  return names.add((await openResources(deps, settings)).target.database);
}

function databaseIn(deps: Dependencies, settings: Settings, url: string): string {
  try {
    return deps.databases(settings.provider).target(url).database;
  } catch {
    return '';
  }
}
