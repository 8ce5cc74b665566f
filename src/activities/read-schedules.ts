import { FaberError } from '../contract/failure.js';
import type { Response } from '../contract/response.js';
import type { ReadSchedulesResult } from '../contract/schedule.js';
import { ScheduleKind } from '../contract/schedule.js';
import type { Dependencies } from './dependencies.js';
import { requestFor } from './load-operation.js';

/** What the config wants to run by itself, of every environment. The config is read where the directory is. */
export async function readSchedules(deps: Dependencies, input: { request: unknown }): Promise<Response> {
  const request = requestFor('read-schedules', input.request);
  const environments = await deps.configuredEnvironments(request.parameters.working_directory);
  const result: ReadSchedulesResult = { working_directory: request.parameters.working_directory, environments, schedules: [], not_read: [] };
  for (const environment of environments) {
    try {
      const settings = await deps.loadSettings(request.parameters.working_directory, environment);
      // As it reads from here on: `..` and a slash at the end make no other project.
      result.working_directory = settings.working_directory;
      for (const kind of ScheduleKind.options) {
        const cron = settings.schedules[kind];
        if (cron !== null) result.schedules.push({ environment, kind, cron });
      }
    } catch (error) {
      if (!(error instanceof FaberError)) throw error;
      // A line that is wrong is told as a whole: half a config must not be brought about.
      if (error.code === 'config_invalid') throw error;
      result.not_read.push({ environment, reason: error.message });
    }
  }
  return { status: 'success', operation: 'read-schedules', result, message: `${result.schedules.length} schedule(s) in the config` };
}
