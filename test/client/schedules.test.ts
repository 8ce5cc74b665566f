/** Schedules on a real Temporal server, of a real project. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FaberClient, type ListedSchedule, type ScheduleChange } from '../../src/client/index.js';
import { scheduleId, timesOf } from '../../src/client/schedule-options.js';
import { readCron } from '../../src/contract/cron.js';
import type { SuccessResponse } from '../../src/contract/index.js';
import { manifestOf } from '../support/backups.js';
import { answerIn, cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { answerOf, createStack, type Stack } from '../support/stack.js';
import { tempDir } from '../support/temp.js';
import { temporal } from '../support/temporal.js';

describe('schedules', () => {
  let stack: Stack;
  let barriers: string;
  let client: FaberClient;
  let flags: string[];
  const idOf = (kind: string, environment = 'production') => ids.find((id) => id.startsWith(`faber-db/schedule/${environment}/${kind}/`))!;
  let ids: string[] = [];

  async function configure(change: (config: { environments: Record<string, Record<string, unknown>>; backup: Record<string, unknown> }) => void): Promise<void> {
    const path = join(stack.directory, '.fractary/plugins/faber-db/config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as Parameters<typeof change>[0];
    change(config);
    await writeFile(path, JSON.stringify(config));
  }

  const sync = async (environment?: string, apply = false) => (await client.schedules.sync(stack.directory, { apply, ...(environment === undefined ? {} : { environment }) })).changes;
  const ours = async () => (await client.schedules.list()).filter((one) => one.working_directory === stack.directory);
  const shown = (changes: ScheduleChange[]) => changes.map(({ environment, kind, change, cron }) => [environment, kind, change, cron]);
  const handle = (id: string) => stack.client.schedule.getHandle(id);
  const one = async (id: string): Promise<ListedSchedule> => (await eventually(ours, (all) => all.some((s) => s.schedule_id === id))).find((s) => s.schedule_id === id)!;

  beforeAll(async () => {
    barriers = await tempDir();
    stack = await createStack({
      backup: { verify: 'checked', drill_schedule: '0 5 * * sun' }, env: { FABER_DB_TEST_BARRIERS: barriers },
      environment: { backup_schedule: '0 2 * * *' }, environments: { old: { connection_string_env: 'PROD_DATABASE_URL', backup_schedule: '15 3 * * *', cleanup_schedule: 'off', drill_schedule: 'off' } },
    });
    await stack.database.query('CREATE TABLE t (id int)');
    const { address, namespace } = await temporal();
    client = await FaberClient.connect({ address, namespace, taskQueue: stack.taskQueue });
    flags = ['--working-directory', stack.directory, '--task-queue', stack.taskQueue];
    return () => client.close();
  });

  it('read cron lines as the server does', async () => {
    const lines = ['0 2 * * *', '*/20 8-10,22 * * MON-fri', '5/25 0 1 jan,7 *', '0 0 * * 5-7', '0 0 29 2 *', '1-30/7 */5 * sep-nov *', '@weekly', '@monthly'];
    const scheduleId = `test-${randomBytes(4).toString('hex')}`;
    const made = await stack.client.schedule.create({
      scheduleId, spec: { cronExpressions: lines }, action: { type: 'startWorkflow', workflowType: 'none', taskQueue: 'none' }, state: { paused: true },
    });
    const { spec } = await made.describe();
    await made.delete();
    expect(spec.calendars?.map(timesOf)).toEqual(lines.map((line) => ({ ...(readCron(line) as object), second: [0], year: [] })));
  });

  it('are shown before they are made, made with --apply, and then are as the config wants', async () => {
    const before = await cli(['schedule', 'sync', '--all', ...flags]);
    expect(before.out).toMatch(/^create\s+faber-db\/schedule\/production\/backup\/[0-9a-f]{8}\s+0 2 \* \* \*$/m);
    expect(before.out).toContain('--apply does it');
    expect(await ours()).toEqual([]);
    const made = answerIn(await cli(['schedule', 'sync', '--all', '--apply', '--json', ...flags])) as unknown as SuccessResponse;
    const changes = made.result['changes'] as ScheduleChange[];
    expect(shown(changes)).toEqual([
      ['production', 'backup', 'create', '0 2 * * *'], ['production', 'cleanup', 'create', '30 4 * * *'], ['production', 'drill', 'create', '0 5 * * sun'], ['old', 'backup', 'create', '15 3 * * *'],
    ]);
    ids = changes.map((change) => change.schedule_id);
    expect((await sync()).map(({ change }) => change)).toEqual(['none', 'none', 'none', 'none']);
    const { policies, spec } = await handle(idOf('backup')).describe();
    expect(policies).toEqual({ overlap: 'SKIP', catchupWindow: 600_000, pauseOnFailure: false });
    expect(spec.timezone).toBe('UTC');
    const listed = await one(idOf('backup'));
    expect(listed).toMatchObject({ environment: 'production', kind: 'backup', cron: '0 2 * * *', paused: false, last_run: null });
    expect(listed.next_run).toMatch(/T02:00:00\.000Z$/);
    expect((await cli(['schedule', 'list'])).out).toMatch(new RegExp(`^${idOf('drill')}\\s+production\\s+drill\\s+0 5 \\* \\* sun`, 'm'));
  });

  it('that others changed are named with each difference and set right; a pause stays', async () => {
    const id = idOf('cleanup');
    expect(await cli(['schedule', 'pause', id, '--comment', 'disk work'])).toMatchObject({ code: 0 });
    await handle(id).update((there) => ({
      ...there, spec: { cronExpressions: ['0 0 * * *'] }, policies: { overlap: 'ALLOW_ALL', catchupWindow: '1 day', pauseOnFailure: true },
      action: { ...there.action, args: [{ request: { operation: 'cleanup-backups' } }], taskQueue: 'elsewhere' },
    }));
    expect(await one(id)).toMatchObject({ cron: null, paused: true, next_run: null, note: expect.stringContaining('disk work') as string });
    const change = (await sync('production')).find((c) => c.kind === 'cleanup')!;
    expect(change).toMatchObject({ change: 'update', paused: true });
    expect(change.differences).toEqual([
      'time: changed by others instead of "30 4 * * *"', 'overlap: ALLOW_ALL instead of SKIP', 'catch-up window: 86400 s instead of 600 s', 'pauses when a run fails: the next one would not run',
      `task queue: elsewhere instead of ${stack.taskQueue}`, 'what it runs',
    ]);
    await sync('production', true);
    expect((await sync('production')).map((c) => c.change)).toEqual(['none', 'none', 'none']);
    expect(await one(id)).toMatchObject({ cron: '30 4 * * *', paused: true, note: expect.stringContaining('disk work') as string });
    expect(await cli(['schedule', 'resume', id])).toMatchObject({ code: 0 });
    expect(await one(id)).toMatchObject({ paused: false });
  });

  it('of another project that lies at the same path, in a container of its own, are left alone', async () => {
    const key = { environment: 'production', kind: 'backup', working_directory: stack.directory, task_queue: 'billing' } as const;
    const theirs = scheduleId(key);
    expect(theirs).not.toBe(idOf('backup'));
    const other = await stack.client.schedule.create({
      scheduleId: theirs, spec: {}, action: { type: 'startWorkflow', workflowType: 'none', taskQueue: 'billing' },
      memo: { faber_schedule: key }, state: { paused: true },
    });
    try {
      await one(theirs);
      const { changes } = await client.schedules.sync(stack.directory, { apply: true });
      expect(changes.find((c) => c.schedule_id === theirs)).toMatchObject({ change: 'foreign', differences: [expect.stringContaining("task queue 'billing'") as string] });
      expect((await other.describe()).action.workflowType).toBe('none');
    } finally {
      await other.delete();
    }
  });

  it('that are not ours are never touched, whatever their name', async () => {
    const action = { type: 'startWorkflow', workflowType: 'none', taskQueue: 'none' } as const;
    const foreign = await stack.client.schedule.create({ scheduleId: `faber-db/schedule/of-others-${randomBytes(4).toString('hex')}`, spec: {}, action });
    await client.schedules.remove(idOf('drill'));
    const inOurPlace = await stack.client.schedule.create({ scheduleId: idOf('drill'), spec: {}, action });
    try {
      expect((await sync('production', true)).find((c) => c.kind === 'drill')).toMatchObject({ change: 'foreign' });
      for (const { scheduleId } of [foreign, inOurPlace]) {
        expect((await foreign.describe()).action.workflowType).toBe('none');
        await expect(client.schedules.remove(scheduleId)).rejects.toMatchObject({ code: 'schedule_not_found' });
      }
    } finally {
      await foreign.delete();
      await inOurPlace.delete();
    }
    expect(await cli(['schedule', 'trigger', 'nightly'])).toMatchObject({ code: 1, err: expect.stringContaining("There is no schedule 'nightly' of faber-db") as string });
  });

  it('run the ordinary operations, not twice at once, and a failed run keeps the next from nothing', async () => {
    const id = idOf('backup');
    await writeFile(join(barriers, 'before-createBackup.stop'), '');
    const { workflow_id: first } = await client.schedules.trigger(id);
    expect(first).toMatch(/^faber-db\/backup\/production\/scheduled-[0-9a-f]{8}-\d{4}-/);
    await eventually(() => readdir(barriers), (names) => names.includes('before-createBackup.reached'));
    expect(await client.schedules.trigger(id)).toEqual({ schedule_id: id, workflow_id: null });
    expect((await cli(['schedule', 'trigger', id])).out).toContain('Skipped');
    await writeFile(join(barriers, 'before-createBackup.go'), '');
    const answer = (await answerOf(stack.client.workflow.getHandle(first!))) as SuccessResponse;
    expect(answer).toMatchObject({ status: 'success', operation: 'backup', result: { reason: 'scheduled' } });
    expect(await manifestOf(stack.store, answer.result['backup_id'] as string)).toMatchObject({ operation_id: first });
    expect(await readFile(join(stack.store, 'audit/audit.jsonl'), 'utf8')).toContain(`"requested_by":"schedule ${id}"`);
    expect(await client.list({ environment: 'production' })).toContainEqual(expect.objectContaining({ workflow_id: first, operation: 'backup', requested_by: `schedule ${id}` }) as object);

    await configure(({ environments }) => (environments['production']!['connection_string_env'] = 'NOT_SET_HERE'));
    const { workflow_id: failing } = await eventually(() => client.schedules.trigger(id), ({ workflow_id }) => workflow_id !== null);
    expect(await answerOf(stack.client.workflow.getHandle(failing!))).toMatchObject({ status: 'error', code: 'connection_not_configured' });
    expect((await stack.client.workflow.getHandle(failing!).describe()).status.name).toBe('FAILED');
    expect(await eventually(() => one(id), ({ last_run }) => last_run?.status === 'error')).toMatchObject({ paused: false, last_run: { workflow_id: failing } });
    await configure(({ environments }) => (environments['production']!['connection_string_env'] = 'PROD_DATABASE_URL'));
    const { workflow_id: good } = await eventually(() => client.schedules.trigger(id), ({ workflow_id }) => workflow_id !== null);
    expect(await answerOf(stack.client.workflow.getHandle(good!))).toMatchObject({ status: 'success' });

    await sync('production', true);
    for (const kind of ['drill', 'cleanup']) {
      const { workflow_id } = await client.schedules.trigger(idOf(kind));
      expect(await answerOf(stack.client.workflow.getHandle(workflow_id!))).toMatchObject({ status: 'success', operation: kind === 'drill' ? 'verify-backup' : 'cleanup-backups' });
    }
  });

  it('of an environment that left the config are removed; a bad line changes nothing and is named', async () => {
    await configure(({ environments }) => (environments['production']!['backup_schedule'] = 'every night'));
    const refused = await cli(['schedule', 'sync', '--all', '--apply', '--json', ...flags]);
    expect(refused.code).toBe(1);
    expect(answerIn(refused)).toMatchObject({ code: 'config_invalid', error: expect.stringContaining('environments.production.backup_schedule: "every night" must be a cron line') as string });
    await configure((config) => {
      config.environments['production']!['backup_schedule'] = '30 1 * * *';
      delete config.environments['old'];
      delete config.backup['drill_schedule'];
    });
    const changes = shown(await sync()).filter(([, , change]) => change !== 'none');
    expect(changes).toHaveLength(3);
    for (const change of [['old', 'backup', 'remove', null], ['production', 'backup', 'update', '30 1 * * *'], ['production', 'drill', 'remove', null]]) expect(changes).toContainEqual(change);
    await expect(sync('prodution')).rejects.toMatchObject({ code: 'environment_not_configured', suggestions: expect.arrayContaining(["Did you mean 'production'?"]) as string[] });
    await sync(undefined, true);
    expect((await eventually(ours, (all) => all.length === 2)).map((s) => [s.kind, s.cron])).toEqual([['backup', '30 1 * * *'], ['cleanup', '30 4 * * *']]);
    expect(await cli(['schedule', 'sync', ...flags])).toMatchObject({ code: 1, err: expect.stringContaining('Name one environment, or give --all') as string });
    for (const { schedule_id } of await ours()) expect(await cli(['schedule', 'remove', schedule_id])).toMatchObject({ code: 0 });
    expect(await eventually(ours, (all) => all.length === 0)).toEqual([]);
  });
});
