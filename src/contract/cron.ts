/**
 * Cron lines of the config: five fields in UTC, a part of what Temporal reads and with the same meaning (a test compares both on
 * a real server). Seconds, years, time zones and `@every` are left out on purpose: they are what cron programs disagree on.
 */
import { z } from 'zod';

/** The values of each field, ascending; day_of_week 0 is Sunday. */
export interface CronTimes {
  minute: number[];
  hour: number[];
  day_of_month: number[];
  month: number[];
  day_of_week: number[];
}

interface Field {
  name: string;
  from: number;
  to: number;
  /** Names of values, the first for `from`. */
  names: readonly string[];
}

const FIELDS = {
  minute: { name: 'minute', from: 0, to: 59, names: [] },
  hour: { name: 'hour', from: 0, to: 23, names: [] },
  day_of_month: { name: 'day of month', from: 1, to: 31, names: [] },
  month: { name: 'month', from: 1, to: 12, names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] },
  day_of_week: { name: 'day of week', from: 0, to: 7, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
} as const satisfies Record<keyof CronTimes, Field>;

const SHORTHANDS: Record<string, string> = {
  '@hourly': '0 * * * *', '@daily': '0 0 * * *', '@weekly': '0 0 * * 0', '@monthly': '0 0 1 * *', '@yearly': '0 0 1 1 *',
};

const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** @returns the times, or what is wrong, as the end of a sentence ("must be …") */
export function readCron(line: string): CronTimes | string {
  const words = (SHORTHANDS[line.trim().toLowerCase()] ?? line).trim().split(/\s+/);
  const keys = Object.keys(FIELDS) as (keyof CronTimes)[];
  if (words.length !== keys.length) return 'must be a cron line of five fields (minute hour day-of-month month day-of-week, in UTC), for example "0 2 * * *"';
  const times: Partial<CronTimes> = {};
  for (const [at, key] of keys.entries()) {
    const values = readField(words[at]!, FIELDS[key]);
    if (typeof values === 'string') return values;
    times[key] = values;
  }
  const read = times as CronTimes;
  if (words[2] !== '*' && words[4] !== '*') return 'must restrict the day of month or the day of week, not both: cron programs disagree on what both mean';
  if (read.month.every((month) => read.day_of_month.every((day) => day > LONGEST_MONTHS[month - 1]!))) return 'must name a day that its months have: this one never comes';
  return read;
}

function readField(word: string, field: Field): number[] | string {
  const values = new Set<number>();
  for (const term of word.toLowerCase().split(',')) {
    const [, first = '', last, step = '1'] = /^(\*|[a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?(?:\/(\d{1,2}))?$/.exec(term) ?? [];
    const from = first === '*' ? field.from : valueOf(first, field);
    const to = last !== undefined ? valueOf(last, field) : first === '*' || term.includes('/') ? mostOf(field) : from;
    const range = `${field.from} to ${field.to}${field.names.length > 0 ? `, or ${field.names[0]} to ${field.names.at(-1)}` : ''}`;
    if (from === null || to === null || (first === '*' && last !== undefined)) return `must have ${range} as its ${field.name} (with * , - and /)`;
    if (from > to) return `must not have a ${field.name} that runs backwards`;
    if (Number(step) < 1) return `must not have a step of 0 as its ${field.name}`;
    // Sunday is 0 and 7.
    for (let value = from; value <= to; value += Number(step)) values.add(field.to === 7 ? value % 7 : value);
  }
  return [...values].sort((a, b) => a - b);
}

const mostOf = (field: Field) => (field.to === 7 ? 6 : field.to);

function valueOf(text: string, field: Field): number | null {
  const named = field.names.indexOf(text);
  const value = named >= 0 ? field.from + named : /^\d+$/.test(text) ? Number(text) : -1;
  return value >= field.from && value <= field.to ? value : null;
}

/** A cron line, or `off`. */
export const CronLine = z.string().max(200).superRefine((line, context) => {
  const read = line === 'off' ? null : readCron(line);
  if (typeof read === 'string') context.addIssue({ code: 'custom', message: read });
});
