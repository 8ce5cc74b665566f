import type { BackupSummary } from '../contract/backup.js';
import { FaberError } from '../contract/failure.js';
import type { Response } from '../contract/response.js';
import type { KeptDatabase, ListBackupsResult, ListedBackup } from '../contract/retention.js';
import type { Settings } from '../contract/settings.js';
import { openBackups, summarizeBackup } from './backups.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';
import { requestFor } from './load-operation.js';
import { retainBackups, retainDatabases, retentionFacts } from './retention.js';

/** What travels in one answer. */
const SHOWN = 200;

/**
 * The backups in the store, of one environment or of all, and the databases that restores replaced. The store is enough: where
 * a database cannot be reached, only its replaced ones are missing, and that is said.
 */
export async function listBackups(deps: Dependencies, input: { request: unknown }): Promise<Response> {
  const request = requestFor('list-backups', input.request);
  const { environment, working_directory } = request.parameters as { environment?: string; working_directory: string };
  return withHeartbeat(async () => {
    const first = await deps.loadSettings(working_directory, environment);
    const store = await deps.openStore(first);
    const { backups, damaged } = await store.listBackups(environment);
    const names = environment === undefined ? await deps.configuredEnvironments(working_directory) : [environment];
    const looked = await Promise.all(names.map((name) => look(deps, working_directory, name)));
    const verdicts = new Map(looked.flatMap((one) => one.backups).map((one) => [one.backup_id, one]));
    const unjudged = (backup: BackupSummary): ListedBackup => ({ ...backup, removed_after: null, retention: `'${backup.environment}' is not configured here: kept` });
    const result: ListBackupsResult = {
      backups: backups.slice(0, SHOWN).map((record) => verdicts.get(record.backup_id) ?? unjudged(summarizeBackup(record))),
      total: backups.length, damaged, store: store.location,
      // Two names of one database would both list what nobody is known to have replaced.
      kept_databases: [...new Map(looked.flatMap((one) => one.databases).map((one) => [one.name, one])).values()],
      not_read: looked.flatMap((one) => (one.notRead === null ? [] : [{ environment: one.environment, reason: one.notRead }])),
    };
    return {
      status: 'success', operation: 'list-backups', ...(environment === undefined ? {} : { environment }), result,
      message: `${backups.length} backup(s)${damaged.length > 0 ? `, ${damaged.length} damaged` : ''}`,
    };
  });
}

interface Look {
  environment: string;
  backups: ListedBackup[];
  databases: KeptDatabase[];
  notRead: string | null;
}

async function look(deps: Dependencies, directory: string, environment: string): Promise<Look> {
  const nothing: Look = { environment, backups: [], databases: [], notRead: null };
  let settings: Settings;
  try {
    settings = await deps.loadSettings(directory, environment);
  } catch (error) {
    if (error instanceof FaberError) return { ...nothing, notRead: error.message };
    throw error;
  }
  const store = await deps.openStore(settings);
  const { identity, databases, notRead } = await lookAtServer(deps, settings);
  const { verdicts } = await retainBackups(deps, settings, store, retentionFacts(settings, identity));
  const byItself = settings.backup.auto_cleanup ? '' : ' (backup.auto_cleanup is off: only by cleanup --apply)';
  return {
    environment, databases, notRead,
    backups: verdicts.map(({ record, remove, reason, removed_after }) => ({
      ...summarizeBackup(record), removed_after, retention: remove ? `goes at the next clean-up: ${reason}${byItself}` : `kept: ${reason}`,
    })),
  };
}

async function lookAtServer(deps: Dependencies, settings: Settings): Promise<{ identity: string | null; databases: KeptDatabase[]; notRead: string | null }> {
  try {
    const opened = await openBackups(deps, settings);
    const { identity } = await opened.database.identify(opened.target, { mayBeMissing: true });
    const found = await retainDatabases(deps, settings, opened, retentionFacts(settings, identity));
    const databases = found.map(({ id, remove, reason, removed_after, size_bytes, replaced }): KeptDatabase => ({
      name: id, environment: replaced.operation?.environment ?? null, operation_id: replaced.operation?.operation_id ?? null,
      replaced_at: replaced.operation?.ended_at ?? replaced.operation?.begun_at ?? null, size_bytes, removed_after,
      retention: remove ? `goes at the next clean-up: ${reason}` : `kept: ${reason}`,
    }));
    return { identity, databases: databases.filter((one) => one.environment === null || one.environment === settings.environment), notRead: null };
  } catch (error) {
    if (error instanceof FaberError) return { identity: null, databases: [], notRead: error.message };
    throw error;
  }
}
