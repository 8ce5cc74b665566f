import { describe, expect, it } from 'vitest';
import { readCron } from '../../src/contract/cron.js';
import { effectiveSettings } from '../../src/contract/effective-settings.js';

const every = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

describe('a cron line', () => {
  it.each([
    ['0 2 * * *', { minute: [0], hour: [2], day_of_month: every(1, 31), month: every(1, 12), day_of_week: every(0, 6) }],
    ['*/20 8-10,22 * * MON-fri', { minute: [0, 20, 40], hour: [8, 9, 10, 22], day_of_week: every(1, 5) }],
    ['5/25 0 1 jan,7 *', { minute: [5, 30, 55], day_of_month: [1], month: [1, 7] }],
    ['0 0 * * 5-7', { day_of_week: [0, 5, 6] }],
    ['0 0 * * 0', { day_of_week: [0] }],
    ['0 0 * * 7', { day_of_week: [0] }],
    ['0 0 29 2 *', { day_of_month: [29], month: [2] }],
    ['  @Daily ', { minute: [0], hour: [0] }],
    ['@weekly', { day_of_week: [0] }],
  ])('%s is read', (line, times) => {
    expect(readCron(line)).toMatchObject(times);
  });

  it.each([
    ['', 'five fields'],
    ['nightly', 'five fields'],
    ['0 2 * *', 'five fields'],
    ['0 0 2 * * *', 'five fields'],
    ['@every 5m', 'five fields'],
    ['CRON_TZ=Europe/Paris 0 2 * * *', 'five fields'],
    ['60 2 * * *', 'must have 0 to 59 as its minute'],
    ['0 24 * * *', 'must have 0 to 23 as its hour'],
    ['0 2 0 * *', 'must have 1 to 31 as its day of month'],
    ['0 2 * 13 *', 'must have 1 to 12, or jan to dec as its month'],
    ['0 2 * * 8', 'must have 0 to 7, or sun to sat as its day of week'],
    ['0 2 L * *', 'day of month'],
    ['0 2 ? * *', 'day of month'],
    ['0 2 * * mon#1', 'day of week'],
    ['-1 2 * * *', 'minute'],
    ['0 2 * jan-xyz *', 'month'],
    ['0 22-4 * * *', 'must not have a hour that runs backwards'],
    ['*/0 2 * * *', 'must not have a step of 0 as its minute'],
    ['0 2 1 * mon', 'not both'],
    ['0 2 30 2 *', 'must name a day that its months have'],
    ['0 2 31 4,6,9,11 *', 'must name a day that its months have'],
  ])('%s is refused', (line, says) => {
    expect(readCron(line)).toContain(says);
  });
});

describe('schedules in the config', () => {
  const settle = (environment: Record<string, unknown>, backup: Record<string, unknown> = {}) =>
    effectiveSettings({ environments: { production: { connection_string_env: 'URL', ...environment } }, backup: { location: '/b', ...backup } }, 'production', '/srv/shop').schedules;

  it('begin with scheduled backups: retention comes along while auto_cleanup is on, drills where they are named', () => {
    expect(settle({})).toEqual({ backup: null, cleanup: null, drill: null });
    expect(settle({ backup_schedule: '0 2 * * *' })).toEqual({ backup: '0 2 * * *', cleanup: '30 4 * * *', drill: null });
    expect(settle({ backup_schedule: '0 2 * * *' }, { auto_cleanup: false }).cleanup).toBeNull();
    expect(settle({}, { drill_schedule: '@weekly', cleanup_schedule: '@daily' })).toEqual({ backup: null, cleanup: null, drill: null });
    expect(settle({ backup_schedule: '0 2 * * *' }, { drill_schedule: '@weekly', cleanup_schedule: '@daily' })).toEqual({ backup: '0 2 * * *', cleanup: '@daily', drill: '@weekly' });
  });

  it('of an environment go before those of all, and may be off', () => {
    const all = { drill_schedule: '@weekly', cleanup_schedule: '@daily' };
    expect(settle({ backup_schedule: '0 2 * * *', drill_schedule: '@monthly', cleanup_schedule: 'off' }, all)).toEqual({ backup: '0 2 * * *', cleanup: null, drill: '@monthly' });
    expect(settle({ drill_schedule: '@monthly' })).toEqual({ backup: null, cleanup: null, drill: '@monthly' });
    expect(settle({ backup_schedule: 'off' }, all)).toEqual({ backup: null, cleanup: null, drill: null });
  });

  it('that are no cron lines make the config invalid, naming the path', () => {
    expect(() => settle({ backup_schedule: 'nightly' })).toThrow('environments.production.backup_schedule: "nightly" must be a cron line of five fields');
    expect(() => settle({}, { drill_schedule: '0 25 * * *' })).toThrow('backup.drill_schedule: "0 25 * * *" must have 0 to 23 as its hour');
  });
});
