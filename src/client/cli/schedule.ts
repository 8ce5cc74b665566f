/** `faber-db schedule`: what runs by itself. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { FaberError } from '../../contract/failure.js';
import type { ListedSchedule, ScheduleChange, SyncResult } from '../../contract/schedule.js';
import type { FaberClient } from '../client.js';
import { requester } from '../requester.js';
import { shellWord } from '../../contract/shell-word.js';
import { printable } from '../terminal-text.js';
import { printJson, sayTo, type Io } from './io.js';
import { connectionFlags, withClient, withConnection, withDirectory, withJson, type ConnectionFlags } from './options.js';
import { table } from './table.js';

interface ScheduleFlags extends ConnectionFlags {
  json?: boolean;
}

interface SyncFlags extends ScheduleFlags {
  all?: boolean;
  apply?: boolean;
  workingDirectory?: string;
}

const minute = (at: string | null | undefined) => at?.slice(0, 16).replace('T', ' ') ?? '-';

function scheduleRow(s: ListedSchedule): string[] {
  const last = s.last_run === null ? '-' : `${s.last_run.status} ${minute(s.last_run.started_at)}`;
  return [s.schedule_id, s.environment, s.kind, s.cron ?? 'changed by others', s.paused ? (s.note ?? 'paused') : minute(s.next_run), last, s.working_directory];
}

function listText(schedules: ListedSchedule[]): string {
  if (schedules.length === 0) return 'No schedules. The config names them (backup_schedule), and schedule sync --apply makes them.';
  return table(['ID', 'ENVIRONMENT', 'KIND', 'WHEN (UTC)', 'NEXT (UTC)', 'LAST (UTC)', 'PROJECT'], schedules.map(scheduleRow));
}

const DONE: Record<ScheduleChange['change'], string> = { none: 'as it is', create: 'created', update: 'updated', remove: 'removed', foreign: 'left alone', unknown: 'left alone' };
const WOULD: Record<ScheduleChange['change'], string> = { ...DONE, create: 'create', update: 'update', remove: 'remove' };

function syncText({ applied, changes, working_directory }: SyncResult): string {
  if (changes.length === 0) return `Nothing is scheduled in ${printable(working_directory)}: its config names no backup_schedule.`;
  const rows = changes.map((c) => [(applied ? DONE : WOULD)[c.change], c.schedule_id, c.cron ?? '-', `${c.differences.join('; ')}${c.paused ? ' (paused, and stays so)' : ''}`]);
  const open = changes.some((c) => ['create', 'update', 'remove'].includes(c.change));
  return [table(['', 'ID', 'WHEN (UTC)', 'WHY'], rows), ...(open && !applied ? ['Nothing was changed; --apply does it.'] : [])].join('\n');
}

function syncMessage({ applied, changes }: SyncResult): string {
  const open = changes.filter((c) => ['create', 'update', 'remove'].includes(c.change)).length;
  const left = changes.filter((c) => c.change === 'foreign' || c.change === 'unknown').length;
  return `${open} of ${changes.length} schedule(s) ${applied ? 'changed' : 'would change'}${left > 0 ? `, ${left} left alone` : ''}`;
}

export function addSchedule(program: Command, io: Io, done: (exitCode: number) => void): void {
  const schedule = program.command('schedule').summary('backups, retention and restore drills that run by themselves');

  /** One subcommand over the client: its result as JSON, or as text. */
  async function answered<T extends object>(name: string, options: ScheduleFlags, work: (client: FaberClient) => Promise<T>, text: (result: T) => string, message = text): Promise<void> {
    const result = await withClient(io, options, work);
    if (options.json) printJson(io, { status: 'success', operation: `schedule ${name}`, result, message: message(result) });
    else sayTo(io.stdout, text(result));
    done(0);
  }

  withConnection(withJson(schedule.command('list').summary('every schedule of ours in the namespace'))).action((options: ScheduleFlags) =>
    answered('list', options, async (client) => ({ schedules: await client.schedules.list() }), ({ schedules }) => listText(schedules), ({ schedules }) => `${schedules.length} schedule(s)`));

  const sync = schedule
    .command('sync [environment]')
    .summary("bring Temporal's schedules in line with the config; without --apply only shown")
    .option('--all', 'of every environment of the project')
    .option('--apply', 'make the changes');
  withConnection(withJson(withDirectory(sync))).action((environment: string | undefined, options: SyncFlags) => {
    if ((environment === undefined) !== (options.all === true)) {
      throw new FaberError({ code: 'invalid_request', message: 'Name one environment, or give --all', suggestions: [`${io.invokedAs} schedule sync production`, `${io.invokedAs} schedule sync --all`] });
    }
    const directory = options.workingDirectory === undefined ? undefined : resolve(options.workingDirectory);
    const wanted = { apply: options.apply === true, ...(environment === undefined ? {} : { environment }) };
    return answered('sync', options, (client) => client.schedules.sync(directory, wanted), syncText, syncMessage);
  });

  const byId = (name: string, summary: string, work: (client: FaberClient, id: string, why: string) => Promise<unknown>, said: string) => {
    const command = schedule.command(`${name} <id>`).summary(summary);
    if (name === 'pause' || name === 'resume') command.option('--comment <text>', 'why; shown by list and the Web UI');
    withConnection(withJson(command)).action((id: string, options: ScheduleFlags & { comment?: string }) => {
      const why = `${name}d by ${requester(undefined, io.env)}${options.comment === undefined ? '' : `: ${options.comment}`}`;
      return answered(name, options, async (client) => (await work(client, id, why), { schedule_id: id }), () => `${said} ${id}`);
    });
  };
  byId('pause', 'start no more runs until it is resumed', (client, id, why) => client.schedules.pause(id, why), 'Paused');
  byId('resume', 'start runs again', (client, id, why) => client.schedules.resume(id, why), 'Resumed');
  byId('remove', 'remove it; sync makes it again while the config wants it', (client, id) => client.schedules.remove(id), 'Removed');

  withConnection(withJson(schedule.command('trigger <id>').summary('run it now'))).action((id: string, options: ScheduleFlags) =>
    answered('trigger', options, (client) => client.schedules.trigger(id), ({ workflow_id }) =>
      workflow_id === null ? 'Skipped: a run of it is still going on.' : `Started ${workflow_id}. How it ends:  ${io.invokedAs} watch ${shellWord(workflow_id)}${connectionFlags(options)}`));
}
