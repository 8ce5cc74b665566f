/**
 * What operations that have not ended need: the backup that a restore waits with, the one that a change would go back to, the
 * bytes of a plan. Noted in the store before it is relied on; whether the operation has ended is asked of Temporal and of the
 * database, so that nothing depends on the note being taken back.
 */
import { Context } from '@temporalio/activity';
import { FaberError } from '../contract/failure.js';
import type { PlanCore } from '../contract/plan.js';
import type { Settings } from '../contract/settings.js';
import type { Reference, Store } from '../handlers/backup/contract.js';
import { changeRuns, isRunning } from './database-lock.js';
import { type Dependencies, openResources } from './dependencies.js';

export type Need = Partial<Pick<Reference, 'artifacts' | 'backups'>>;

export function needOfPlan({ restore }: Pick<PlanCore, 'restore'>, artifact: string): Need {
  return { artifacts: [artifact], backups: restore === null ? [] : [restore.backup_id] };
}

/** Notes it, before anything is read that retention could take. */
export async function noteNeed(store: Store, settings: Settings, operationId: string, { artifacts = [], backups = [] }: Need): Promise<void> {
  const { namespace } = Context.current().info;
  await store.refer({
    operation_id: operationId, namespace, environment: settings.environment, working_directory: settings.working_directory,
    at: new Date().toISOString(), artifacts, backups,
  });
}

/** Tells which of the store's things are needed. */
export class Needs {
  constructor(
    private readonly deps: Dependencies,
    private readonly settings: Settings,
    private readonly store: Store,
  ) {}

  /** Why a backup is needed, or null. @param madeBy the operation that took it, which may hold it as its way back */
  async ofBackup(backupId: string, madeBy: string | null): Promise<string | null> {
    const referring = (await this.store.references()).filter(({ backups }) => backups.includes(backupId));
    return this.#firstOpen(referring, madeBy);
  }

  async ofArtifact(sha256: string): Promise<string | null> {
    return this.#firstOpen((await this.store.references()).filter(({ artifacts }) => artifacts.includes(sha256)), null);
  }

  /** Why something is needed that an operation made, or null. */
  ofOperation(operationId: string): Promise<string | null> {
    return this.#firstOpen([], operationId);
  }

  /** Notes of operations that have ended, older than a day: one that has just begun may not be known to the server yet. */
  async stale(): Promise<string[]> {
    const old = (await this.store.references()).filter(({ at }) => Date.now() - Date.parse(at) > 86_400_000);
    const ended: string[] = [];
    for (const reference of old) if ((await this.#open(reference)) === null) ended.push(reference.operation_id);
    return ended;
  }

  async #firstOpen(referring: readonly Reference[], madeBy: string | null): Promise<string | null> {
    for (const reference of referring) {
      const why = await this.#open(reference);
      if (why !== null) return why;
    }
    return madeBy !== null && (await this.#hasNotEnded(madeBy, this.settings)) ? `${madeBy} has not ended and may need it` : null;
  }

  async #open(reference: Reference): Promise<string | null> {
    const { operation_id, namespace } = reference;
    if (namespace !== Context.current().info.namespace) return `${operation_id} of the Temporal namespace ${namespace} may need it`;
    const settings = await this.#settingsOf(reference);
    // An environment that is not configured any more cannot be asked whether its operation was cut off.
    return settings === null || (await this.#hasNotEnded(operation_id, settings)) ? `${operation_id} has not ended and may need it` : null;
  }

  async #settingsOf({ environment, working_directory }: Reference): Promise<Settings | null> {
    if (environment === this.settings.environment && working_directory === this.settings.working_directory) return this.settings;
    return this.deps.loadSettings(working_directory, environment).catch(() => null);
  }

  async #hasNotEnded(operationId: string, settings: Settings): Promise<boolean> {
    if (await isRunning({ workflow_id: operationId })) return true;
    if (await changeRuns(operationId)) return true;
    try {
      const { database, target } = await openResources(this.deps, settings);
      const row = await database.bookkeeping.operation(target, operationId);
      return row !== null && row.ended_at === null;
    } catch (error) {
      // A database that does not tell may hold an operation that was cut off.
      if (error instanceof FaberError) return true;
      throw error;
    }
  }
}
