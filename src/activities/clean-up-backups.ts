import { FaberError } from '../contract/failure.js';
import type { CleanupResult, Retained } from '../contract/retention.js';
import type { Settings } from '../contract/settings.js';
import type { StoredFile } from '../handlers/backup/contract.js';
import { openBackups } from './backups.js';
import type { Dependencies } from './dependencies.js';
import { withHeartbeat, type Running } from './heartbeat.js';
import { Needs } from './needs.js';
import { ownerOf } from './plan-artifact.js';
import { retainBackups, retainDatabases, retentionFacts } from './retention.js';
import { isOlder, type RetentionFacts } from './retention-rules.js';

/** What work that was cut off has left: nothing that runs is silent for so long. */
const LEFT_OVER_MS = 86_400_000;
/** Verdicts that travel in an answer. */
const SHOWN = 200;

/**
 * Removes what retention takes, or only tells what it would. Safe to attempt again: what went is not found any more. Without
 * the database nothing is removed: it knows which operations were cut off, and which database the backups are of.
 * @throws FaberError health_check_failed, store_unavailable
 */
export async function cleanUpBackups(deps: Dependencies, input: { settings: Settings; apply: boolean }): Promise<CleanupResult> {
  return withHeartbeat((running) => new CleanUp(deps, input.settings, input.apply, running).run());
}

type Opened = Awaited<ReturnType<typeof openBackups>>;

class CleanUp {
  readonly #failed: CleanupResult['failed'] = [];
  readonly #removed: Retained[] = [];
  readonly #kept: Retained[] = [];
  #freed = 0;

  constructor(
    private readonly deps: Dependencies,
    private readonly settings: Settings,
    private readonly apply: boolean,
    private readonly running: Running,
  ) {}

  async run(): Promise<CleanupResult> {
    const opened = await openBackups(this.deps, this.settings);
    const { identity } = await opened.database.identify(opened.target);
    const facts = retentionFacts(this.settings, identity);
    const needs = new Needs(this.deps, this.settings, opened.store);
    await this.#backups(opened, facts, needs);
    await this.#databases(opened, facts);
    const files = { plan_artifacts: await this.#artifacts(opened, facts, needs), error_details: await this.#errorDetails(opened, facts), unfinished: await this.#unfinished(opened, needs) };
    return {
      applied: this.apply, retention_days: facts.retentionDays, removed: this.#removed.slice(0, SHOWN), kept: this.#kept.slice(0, SHOWN),
      failed: this.#failed.slice(0, SHOWN), ...files, freed_bytes: this.#freed,
    };
  }

  async #backups({ store, backups }: Opened, facts: RetentionFacts, needs: Needs): Promise<void> {
    const { verdicts } = await retainBackups(this.deps, this.settings, store, facts);
    // The oldest first: an end in the middle leaves the newer ones.
    for (const { record, ...judged } of verdicts.toReversed()) {
      const verdict = record.hosted === undefined || backups.discard ? judged : { ...judged, remove: false, reason: 'its snapshot is deleted only while backup.method is snapshot' };
      const isWanted = async () => (await needs.ofBackup(record.backup_id, record.operation_id)) !== null;
      await this.#take(verdict, async () => {
        const freed = await store.removeBackup(record.backup_id, isWanted);
        // A crash in between leaves it outside of the store, where it is found as a left-over.
        if (freed !== null) await backups.discard?.(record);
        return freed;
      });
    }
  }

  async #databases({ store, backups, target }: Opened, facts: RetentionFacts): Promise<void> {
    for (const { replaced, ...verdict } of await retainDatabases(this.deps, this.settings, { backups, target, store }, facts)) {
      if (!verdict.remove || !this.apply) {
        this.#note(verdict);
        continue;
      }
      const stays = await this.#tried(replaced.name, () => backups.dropReplaced(target, replaced.name));
      if (stays !== undefined) this.#note(stays === null ? verdict : { ...verdict, remove: false, reason: stays });
    }
  }

  /** Plans of this environment's database that were made or used last before retention begins. */
  async #artifacts({ store }: Opened, facts: RetentionFacts, needs: Needs): Promise<number> {
    const isOurs = async ({ name }: StoredFile) => {
      const owner = await ownerOf(store, name);
      return owner?.environment === facts.environment && owner.identity === facts.identity;
    };
    let taken = 0;
    for (const file of await store.artifacts()) {
      if (!isOlder(file.changed_at, facts) || !(await isOurs(file)) || (await needs.ofArtifact(file.name)) !== null) continue;
      taken += await this.#takeFile(file, () => store.removeArtifact(file.name, async () => (await needs.ofArtifact(file.name)) !== null));
    }
    return taken;
  }

  async #errorDetails({ store, database, target }: Opened, facts: RetentionFacts): Promise<number> {
    const ended = (await database.bookkeeping.remembered(target)).filter((row) => row.ended_at !== null && row.environment === facts.environment);
    let taken = 0;
    for (const file of await store.errorDetails(ended.map((row) => row.operation_id))) {
      if (isOlder(file.changed_at, facts)) taken += await this.#takeFile(file, async () => (await store.removeErrorDetail(file.name), file.bytes));
    }
    return taken;
  }

  async #unfinished({ store, backups, target }: Opened, needs: Needs): Promise<number> {
    if (this.apply) for (const operationId of await needs.stale()) await store.forget(operationId);
    let taken = 0;
    for (const { path, bytes } of await store.leftovers(LEFT_OVER_MS)) {
      taken += await this.#takeFile({ name: path, bytes, changed_at: 0 }, async () => (await store.removeLeftover(path), bytes));
    }
    for (const { name, bytes, remove } of (await backups.leftovers?.(target, store, LEFT_OVER_MS)) ?? []) {
      taken += await this.#takeFile({ name, bytes, changed_at: 0 }, async () => (await remove(), bytes));
    }
    return taken;
  }

  async #take(verdict: Retained, remove: () => Promise<number | null>): Promise<void> {
    if (!verdict.remove || !this.apply) {
      if (verdict.remove) this.#freed += verdict.size_bytes ?? 0;
      return this.#note(verdict);
    }
    const freed = await this.#tried(verdict.id, remove);
    if (freed === undefined) return;
    this.#freed += freed ?? 0;
    this.#note(freed === null ? { ...verdict, remove: false, reason: 'an operation came to need it meanwhile' } : verdict);
  }

  async #takeFile({ name, bytes }: StoredFile, remove: () => Promise<number | null>): Promise<number> {
    const freed = this.apply ? await this.#tried(name, remove) : bytes;
    this.#freed += freed ?? 0;
    return freed == null ? 0 : 1;
  }

  /** One that cannot be removed does not keep the others. @returns undefined when it failed */
  async #tried<T>(id: string, work: () => Promise<T>): Promise<T | undefined> {
    this.running.signal.throwIfAborted();
    this.running.progress(`Removing ${id}`);
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FaberError)) throw error;
      this.#failed.push({ id, reason: error.message });
      return undefined;
    }
  }

  #note(verdict: Retained): void {
    (verdict.remove ? this.#removed : this.#kept).push(verdict);
  }
}
