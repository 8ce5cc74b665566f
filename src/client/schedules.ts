/**
 * Schedules: backups, retention and restore drills that Temporal starts by itself. What is to run stands in the config; `sync`
 * brings Temporal in line with it. Schedules that are not ours are never touched: ours have a name and a memo that say so.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleAlreadyRunning, type ScheduleDescription, type ScheduleHandle, ScheduleNotFoundError } from '@temporalio/client';
import { FaberError } from '../contract/failure.js';
import { nearest } from '../contract/nearest.js';
import type { ListedSchedule, ReadSchedulesResult, ScheduleChange, SyncResult } from '../contract/schedule.js';
import type { TemporalAccess } from './connect.js';
import { sightOf } from './look.js';
import { cronOf, differences, memoOf, SCHEDULE_PREFIX, scheduleId, type ScheduleKey, scheduleKeyIn, wantedSchedule } from './schedule-options.js';
import { toFaberError } from './temporal-errors.js';

/** How long a triggered run may take to show up. */
const TAKEN_UP_WITHIN_MS = 10_000;

export interface SyncOptions {
  /** Only the schedules of this environment. Default: of all. */
  environment?: string;
  /** Make the changes; without, they are only shown. */
  apply?: boolean;
}

export interface Triggered {
  schedule_id: string;
  /** The run that was started; null: skipped, because one is still running. */
  workflow_id: string | null;
}

type Ours = { key: ScheduleKey; description: ScheduleDescription };

export class Schedules {
  constructor(
    private readonly access: TemporalAccess,
    private readonly taskQueue: string,
    /** Asks a worker what the config wants. */
    private readonly read: (workingDirectory: string | undefined) => Promise<ReadSchedulesResult>,
  ) {}

  /** Every schedule of ours in the namespace, by environment and kind. @throws FaberError temporal_unavailable */
  async list(): Promise<ListedSchedule[]> {
    return this.#guarded(async () => {
      const found: ListedSchedule[] = [];
      for (const ours of await this.#all()) found.push(await this.#listed(ours));
      return found.sort((a, b) => a.schedule_id.localeCompare(b.schedule_id));
    });
  }

  /**
   * Compares Temporal's schedules of a project with its config, and with `apply` makes them so. One that is paused stays so.
   * @param workingDirectory absolute path of the project on the worker. Default: as for operations
   * @throws FaberError no_worker, config_not_found, config_invalid, environment_not_configured, temporal_unavailable
   */
  async sync(workingDirectory: string | undefined, { environment, apply = false }: SyncOptions = {}): Promise<SyncResult> {
    const config = await this.read(workingDirectory);
    return this.#guarded(async () => {
      const { working_directory } = config;
      const there = (await this.#all()).filter(({ key }) => key.working_directory === working_directory);
      if (environment !== undefined) requireKnown(environment, config, there);
      const concerned = (one: { environment: string }) => environment === undefined || one.environment === environment;
      const changes: ScheduleChange[] = [];
      for (const { cron, ...wanted } of config.schedules.filter(concerned)) changes.push(await this.#bring({ ...wanted, working_directory, task_queue: this.taskQueue }, cron, apply));
      const known = new Set(changes.map((change) => change.schedule_id));
      for (const { key, description } of there.filter((ours) => concerned(ours.key) && !known.has(ours.description.scheduleId))) {
        if (key.task_queue !== this.taskQueue) {
          changes.push(changeOf(key, null, 'foreign', [`it runs on the task queue '${key.task_queue}', whose config this is not; if it is left over: faber-db schedule remove ${description.scheduleId}`], description));
          continue;
        }
        const unread = config.not_read.find((one) => one.environment === key.environment);
        if (apply && !unread) await this.#handle(description.scheduleId).delete();
        const why = unread ? unread.reason : config.environments.includes(key.environment) ? 'the config wants it no more' : `the config has no environment '${key.environment}' any more`;
        changes.push(changeOf(key, null, unread ? 'unknown' : 'remove', [why], description));
      }
      return { applied: apply, working_directory, changes };
    });
  }

  /** @throws FaberError schedule_not_found */
  async pause(id: string, note: string): Promise<void> {
    await this.#ours(id, (handle) => handle.pause(note));
  }

  /** @throws FaberError schedule_not_found */
  async resume(id: string, note: string): Promise<void> {
    await this.#ours(id, (handle) => handle.unpause(note));
  }

  /** @throws FaberError schedule_not_found */
  async remove(id: string): Promise<void> {
    await this.#ours(id, (handle) => handle.delete());
  }

  /** Runs it now, also while it is paused; not while a run of it is still going on. @throws FaberError schedule_not_found */
  async trigger(id: string): Promise<Triggered> {
    return this.#ours(id, async (handle, before) => {
      const seen = new Set(before.info.recentActions.map(({ action }) => action.workflow.firstExecutionRunId));
      // Said again: the SDK's default for a trigger is to start another one beside it.
      await handle.trigger('SKIP');
      for (const until = Date.now() + TAKEN_UP_WITHIN_MS; Date.now() < until; await sleep(100)) {
        const { info } = await handle.describe();
        const started = info.recentActions.findLast(({ action }) => !seen.has(action.workflow.firstExecutionRunId));
        if (started) return { schedule_id: id, workflow_id: started.action.workflow.workflowId };
        if (info.numActionsSkippedOverlap > before.info.numActionsSkippedOverlap) return { schedule_id: id, workflow_id: null };
      }
      throw new FaberError({ code: 'temporal_unavailable', message: `Temporal took the trigger of ${id} and started nothing within ${TAKEN_UP_WITHIN_MS / 1000} s`, suggestions: ['faber-db schedule list shows whether it did later'] });
    });
  }

  /** Creates or updates one. Asked for by its name, since Temporal's list lags behind. */
  async #bring(key: ScheduleKey, cron: string, apply: boolean): Promise<ScheduleChange> {
    const wanted = wantedSchedule(key, cron);
    const handle = this.#handle(scheduleId(key));
    const there = await describe(handle);
    if (there === null) {
      if (apply) await this.#create(key, wanted);
      return changeOf(key, cron, 'create', [], null);
    }
    const claimed = scheduleKeyIn(there.memo);
    if (claimed === null || scheduleId(claimed) !== there.scheduleId) return changeOf(key, cron, 'foreign', ['it is not a schedule of faber-db'], there);
    const found = differences(there, cron, wanted);
    if (found.length > 0 && apply) {
      // What a person paused stays paused, with the reason.
      await handle.update(({ state: { paused, note } }) => ({ ...wanted, state: { paused, ...(note === undefined ? {} : { note }) } }));
    }
    return changeOf(key, cron, found.length > 0 ? 'update' : 'none', found, there);
  }

  async #create(key: ScheduleKey, wanted: ReturnType<typeof wantedSchedule>): Promise<void> {
    try {
      await this.access.client.schedule.create({ scheduleId: scheduleId(key), ...wanted, memo: memoOf(key) });
    } catch (error) {
      // Another sync was quicker, with the same config.
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    }
  }

  /** Those of ours that Temporal lists, as they are now. */
  async #all(): Promise<Ours[]> {
    const found: Ours[] = [];
    for await (const { scheduleId: id } of this.access.client.schedule.list({ pageSize: 100 })) {
      if (!id.startsWith(SCHEDULE_PREFIX)) continue;
      const description = await describe(this.#handle(id));
      const key = description === null ? null : scheduleKeyIn(description.memo);
      if (description !== null && key !== null) found.push({ key, description });
    }
    return found;
  }

  async #listed({ key, description }: Ours): Promise<ListedSchedule> {
    const { state, info, spec, scheduleId: schedule_id } = description;
    const last = info.recentActions.at(-1);
    return {
      schedule_id, ...key, cron: cronOf(spec), paused: state.paused, note: state.note || null,
      next_run: state.paused ? null : (info.nextActionTimes[0]?.toISOString() ?? null),
      last_run: last ? { workflow_id: last.action.workflow.workflowId, started_at: last.takenAt.toISOString(), status: await this.#statusOf(last.action.workflow) } : null,
    };
  }

  async #statusOf({ workflowId, firstExecutionRunId }: { workflowId: string; firstExecutionRunId: string }): Promise<string> {
    try {
      const description = await this.access.client.workflow.getHandle(workflowId, firstExecutionRunId).describe();
      if (!sightOf(description).closed) return 'running';
      return description.status.name === 'COMPLETED' ? 'success' : description.status.name === 'CANCELLED' ? 'cancelled' : 'error';
    } catch (error) {
      // Temporal keeps what has ended for some time only.
      if (toFaberError(error, this.access, workflowId).code === 'operation_not_found') return 'forgotten';
      throw error;
    }
  }

  /** Only what is ours, and there. */
  async #ours<T>(id: string, work: (handle: ScheduleHandle, description: ScheduleDescription) => Promise<T>): Promise<T> {
    return this.#guarded(async () => {
      const handle = this.#handle(id);
      const description = id.startsWith(SCHEDULE_PREFIX) ? await describe(handle) : null;
      if (description !== null && scheduleKeyIn(description.memo) !== null) return work(handle, description);
      throw new FaberError({
        code: 'schedule_not_found',
        message: `There is no schedule '${id}' of faber-db in namespace '${this.access.namespace}'`,
        suggestions: ['faber-db schedule list shows them', 'faber-db schedule sync --all --apply makes those that the config wants'],
      });
    });
  }

  #handle(id: string): ScheduleHandle {
    return this.access.client.schedule.getHandle(id);
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toFaberError(error, this.access);
    }
  }
}

function changeOf(key: ScheduleKey, cron: string | null, change: ScheduleChange['change'], found: string[], there: ScheduleDescription | null): ScheduleChange {
  return { schedule_id: there?.scheduleId ?? scheduleId(key), environment: key.environment, kind: key.kind, cron, change, differences: found, paused: there?.state.paused ?? false };
}

async function describe(handle: ScheduleHandle): Promise<ScheduleDescription | null> {
  try {
    return await handle.describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}

/** An environment that is gone from the config may have schedules left; one that never was is a mistake. */
function requireKnown(environment: string, { environments }: ReadSchedulesResult, there: Ours[]): void {
  if (environments.includes(environment) || there.some(({ key }) => key.environment === environment)) return;
  const near = nearest(environment, environments);
  throw new FaberError({
    code: 'environment_not_configured',
    message: `Environment '${environment}' not found in configuration`,
    suggestions: [...(near ? [`Did you mean '${near}'?`] : []), `Configured: ${environments.join(', ') || 'none'}`],
  });
}
