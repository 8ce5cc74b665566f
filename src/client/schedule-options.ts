/** A schedule as the config wants it, and how one that is there differs from that. */
import { createHash } from 'node:crypto';
import type { CalendarSpec, CalendarSpecDescription, DayOfWeek, Month, ScheduleDescription, ScheduleOptions, ScheduleOptionsStartWorkflowAction, Workflow } from '@temporalio/client';
import { canonicalJson } from '../contract/canonical.js';
import { type CronTimes, readCron } from '../contract/cron.js';
import { FaberError } from '../contract/failure.js';
import { MEMO, WORKFLOW_TYPES } from '../contract/names.js';
import type { OperationName } from '../contract/operation.js';
import { parseRequest } from '../contract/request.js';
import { requestDigest } from '../contract/request-digest.js';
import { ScheduleKind } from '../contract/schedule.js';

export const SCHEDULE_PREFIX = 'faber-db/schedule/';
/** What makes a schedule ours, beside its name. */
const MEMO_KEY = 'faber_schedule';

/** Missed by more, a nightly backup would run in the middle of the day. Temporal's own default is a year. */
const CATCHUP_WINDOW_MS = 600_000;

const OPERATIONS = {
  backup: { operation: 'backup', parameters: { reason: 'scheduled' } },
  cleanup: { operation: 'cleanup-backups', parameters: { apply: true } },
  drill: { operation: 'verify-backup', parameters: {} },
} as const satisfies Record<ScheduleKind, { operation: OperationName; parameters: Record<string, unknown> }>;

/** Which schedule: of one environment of one project. Projects may lie at one path, each in a container of its own: their workers poll other queues. */
export interface ScheduleKey {
  environment: string;
  kind: ScheduleKind;
  working_directory: string;
  task_queue: string;
}

const digestOf = ({ working_directory, task_queue }: ScheduleKey) => createHash('sha256').update(`${task_queue}\0${working_directory}`).digest('hex').slice(0, 8);

/** `faber-db/schedule/production/backup/1f3a9c20`: two projects may have environments of one name. */
export function scheduleId(key: ScheduleKey): string {
  return `${SCHEDULE_PREFIX}${key.environment}/${key.kind}/${digestOf(key)}`;
}

/** What the memo of a schedule of ours says; null: it is not ours, whatever its name. */
export function scheduleKeyIn(memo: Record<string, unknown> | undefined): ScheduleKey | null {
  const { environment, kind, working_directory, task_queue } = (memo?.[MEMO_KEY] ?? {}) as Record<string, unknown>;
  const known = ScheduleKind.safeParse(kind);
  const texts = [environment, working_directory, task_queue].every((text) => typeof text === 'string');
  return texts && known.success ? { environment, kind: known.data, working_directory, task_queue } as ScheduleKey : null;
}

type Wanted = Pick<ScheduleOptions, 'spec' | 'policies'> & { action: ScheduleOptionsStartWorkflowAction<Workflow> };

export function memoOf(key: ScheduleKey): Record<string, unknown> {
  return { [MEMO_KEY]: key };
}

/** @throws FaberError config_invalid for a line that is none: the worker may be of another release */
export function wantedSchedule(key: ScheduleKey, cron: string): Wanted {
  const times = readCron(cron);
  if (typeof times === 'string') throw new FaberError({ code: 'config_invalid', message: `The ${key.kind} schedule of ${key.environment}: ${JSON.stringify(cron)} ${times}` });
  const { operation, parameters } = OPERATIONS[key.kind];
  const { environment, working_directory } = key;
  const request = parseRequest({ operation, parameters: { environment, working_directory, ...parameters } });
  const requestedBy = `schedule ${scheduleId(key)}`;
  return {
    spec: { calendars: [calendarOf(times, cron)], timezone: 'UTC' },
    policies: { overlap: 'SKIP', catchupWindow: CATCHUP_WINDOW_MS, pauseOnFailure: false },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOW_TYPES[operation],
      // Temporal appends the time of the run.
      workflowId: `faber-db/${operation}/${environment}/scheduled-${digestOf(key)}`,
      taskQueue: key.task_queue,
      args: [{ request, requested_by: requestedBy }],
      memo: { [MEMO.operation]: operation, [MEMO.environment]: environment, [MEMO.requestDigest]: requestDigest(request), [MEMO.requestedBy]: requestedBy },
      staticSummary: `${operation} ${environment}`,
    },
  };
}

const MONTHS: readonly Month[] = ['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE', 'JULY', 'AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'];
const DAYS: readonly DayOfWeek[] = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'];

/** The line stands beside it as a comment, for people. */
function calendarOf(times: CronTimes, comment: string): CalendarSpec {
  return {
    minute: times.minute, hour: times.hour, dayOfMonth: times.day_of_month,
    month: times.month.map((month) => MONTHS[month - 1]!), dayOfWeek: times.day_of_week.map((day) => DAYS[day]!), comment,
  };
}

interface Range<Unit> { start: Unit; end: Unit; step: number }

/** The values that ranges stand for, so that the same times written otherwise are the same. */
function valuesOf<Unit>(ranges: Range<Unit>[], numberOf: (unit: Unit) => number): number[] {
  const values = new Set<number>();
  for (const { start, end, step } of ranges) for (let at = numberOf(start); at <= numberOf(end); at += Math.max(1, step)) values.add(at);
  return [...values].sort((a, b) => a - b);
}

const itself = (value: number) => value;

/** Each field of a calendar as its values. */
export function timesOf(calendar: CalendarSpecDescription): CronTimes & { second: number[]; year: number[] } {
  return {
    second: valuesOf(calendar.second, itself), minute: valuesOf(calendar.minute, itself), hour: valuesOf(calendar.hour, itself), day_of_month: valuesOf(calendar.dayOfMonth, itself),
    month: valuesOf(calendar.month, (month) => MONTHS.indexOf(month) + 1), day_of_week: valuesOf(calendar.dayOfWeek, (day) => DAYS.indexOf(day)), year: valuesOf(calendar.year, itself),
  };
}

/** The cron line that a schedule was made from; null when its times are not (any more) those of the line. */
export function cronOf(spec: ScheduleDescription['spec']): string | null {
  const [calendar, ...others] = spec.calendars ?? [];
  const line = calendar?.comment;
  const times = line === undefined ? '' : readCron(line);
  if (calendar === undefined || typeof times === 'string' || others.length > 0 || (spec.intervals ?? []).length > 0 || (spec.skip ?? []).length > 0) return null;
  if (spec.startAt !== undefined || spec.endAt !== undefined || spec.jitter || (spec.timezone ?? 'UTC') !== 'UTC') return null;
  return canonicalJson(timesOf(calendar)) === canonicalJson({ ...times, second: [0], year: [] }) ? line! : null;
}

/** What a schedule has otherwise than the config wants, in words; empty: nothing. Whether it is paused does not count. */
export function differences(there: ScheduleDescription, cron: string, wanted: Wanted): string[] {
  const line = cronOf(there.spec);
  const { action, policies } = there;
  const same = (a: unknown, b: unknown) => canonicalJson(a ?? null) === canonicalJson(b ?? null);
  return [
    ...(line === cron ? [] : [`time: ${line === null ? 'changed by others' : `"${line}"`} instead of "${cron}"`]),
    ...(policies.overlap === 'SKIP' ? [] : [`overlap: ${policies.overlap} instead of SKIP`]),
    ...(policies.catchupWindow === CATCHUP_WINDOW_MS ? [] : [`catch-up window: ${policies.catchupWindow / 1000} s instead of ${CATCHUP_WINDOW_MS / 1000} s`]),
    ...(policies.pauseOnFailure ? ['pauses when a run fails: the next one would not run'] : []),
    ...(there.state.remainingActions === undefined ? [] : [`ends after ${there.state.remainingActions} more run(s)`]),
    ...(action.taskQueue === wanted.action.taskQueue ? [] : [`task queue: ${action.taskQueue} instead of ${wanted.action.taskQueue}`]),
    ...(action.workflowType === wanted.action.workflowType && action.workflowId === wanted.action.workflowId && same(action.args, wanted.action.args) && same(action.memo, wanted.action.memo)
      ? [] : ['what it runs']),
    ...(action.workflowRunTimeout || action.workflowExecutionTimeout || action.retry ? ['has a timeout or retries of Temporal: they would end or repeat an operation in the middle'] : []),
  ];
}
