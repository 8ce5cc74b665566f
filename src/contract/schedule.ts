/** What runs by itself: what the config wants, what Temporal has, and the difference. */
import { z } from 'zod';

export const ScheduleKind = z.enum(['backup', 'cleanup', 'drill']);
export type ScheduleKind = z.infer<typeof ScheduleKind>;

/** `result` of read-schedules: the config's side. */
export const ReadSchedulesResult = z.object({
  working_directory: z.string().describe('As the worker knows it'),
  environments: z.array(z.string()).describe('All that the config has'),
  schedules: z.array(z.object({ environment: z.string(), kind: ScheduleKind, cron: z.string().describe('Five fields, UTC') })),
  not_read: z.array(z.object({ environment: z.string(), reason: z.string() })).describe('Environments whose settings cannot be had'),
});
export type ReadSchedulesResult = z.infer<typeof ReadSchedulesResult>;

/** One schedule, as it is in Temporal. */
export const ListedSchedule = z.object({
  schedule_id: z.string(),
  environment: z.string(),
  kind: ScheduleKind,
  working_directory: z.string().describe('The project whose config it follows'),
  task_queue: z.string().describe('Whose workers read that config'),
  cron: z.string().nullable().describe('The line that it was made from; null: its times were changed by others'),
  paused: z.boolean(),
  note: z.string().nullable().describe('Why it is paused'),
  next_run: z.string().nullable(),
  last_run: z.object({ workflow_id: z.string(), started_at: z.string(), status: z.string().describe('running, success, error, cancelled, or forgotten where Temporal keeps it no more') }).nullable(),
});
export type ListedSchedule = z.infer<typeof ListedSchedule>;

/** What a sync would do, or did, about one schedule. */
export const ScheduleChange = z.object({
  schedule_id: z.string(),
  environment: z.string(),
  kind: ScheduleKind,
  cron: z.string().nullable().describe('What the config wants; null: nothing any more'),
  change: z.enum(['none', 'create', 'update', 'remove', 'foreign', 'unknown']).describe(
    'foreign: something that is not ours has this id, and is left alone; unknown: the settings of its environment cannot be had, and it is left as it is',
  ),
  differences: z.array(z.string()).describe('What differs from the config, in words'),
  paused: z.boolean().describe('A sync neither pauses nor resumes'),
});
export type ScheduleChange = z.infer<typeof ScheduleChange>;

/** `result` of schedule sync. */
export const SyncResult = z.object({
  applied: z.boolean().describe('false: only shown'),
  working_directory: z.string(),
  changes: z.array(ScheduleChange),
});
export type SyncResult = z.infer<typeof SyncResult>;
