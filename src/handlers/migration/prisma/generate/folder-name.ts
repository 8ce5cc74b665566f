/** The name of a new migration's folder: when, and what for. */
import { FaberError } from '../../../../contract/failure.js';
import { byBytes, byLocale } from '../order.js';

const SECOND = 1000;

/**
 * `20260124103000_add_users`, UTC, as Prisma names them: later than every migration there is, whatever the clocks of those who
 * made them said.
 * @param at milliseconds since 1970
 * @throws FaberError plan_failed where no such name comes last.
 */
export function folderName(name: string, at: number, existing: readonly string[]): string {
  const newest = Math.max(...existing.map(timeIn), 0);
  const made = `${timestamp(Math.max(at, newest + SECOND))}_${name}`;
  const all = [...existing, made];
  if (byBytes(all).at(-1) === made && byLocale(all).at(-1) === made) return made;
  const last = byLocale(all).findLast((other) => other !== made);
  throw new FaberError({
    code: 'plan_failed',
    message: `The migration ${last} would come after ${made}: its name does not begin with a time that has passed. Nothing was written.`,
    suggestions: [`Give ${last} a name that begins with the time of its making (YYYYMMDDHHMMSS_), if it was not applied anywhere yet`],
  });
}

const timestamp = (at: number) => new Date(at).toISOString().replace(/\D/g, '').slice(0, 14);

/** Milliseconds of a folder's timestamp, 0 where its name begins with none. */
function timeIn(folder: string): number {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?!\d)/.exec(folder) ?? [];
  if (parts.length === 0) return 0;
  const [year, month, day, hour, minute, second] = parts.map(Number) as [number, number, number, number, number, number];
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
