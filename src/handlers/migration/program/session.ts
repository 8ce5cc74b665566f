/** One run of a project's programs on a database, from proof of the target to the end of its sessions. */
import { createHash, randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';
import type { ConnectionTarget, DatabaseHandler, Session } from '../../database/contract.js';
import type { Migration, ProgramFile } from '../contract.js';
import { programEnvironment } from './environment.js';
import { guestSession } from './guest-session.js';
import type { Job, Place, ProgramStep, StepGroup } from './messages.js';
import { runProgram, type ProgramEnd, type Visit } from './process.js';
import type { ProgramSystem } from './system.js';
import type { ProgramToolFacts } from './tool.js';

/** The three that every part of a handler works with. */
export interface Programs {
  database: DatabaseHandler;
  system: ProgramSystem;
  tool: ProgramToolFacts;
}

/** Unknown purposes count as changing: the next holder of the fence ends such sessions. */
const SESSIONS = 'faber-db program';

export interface OnDatabase {
  target: ConnectionTarget;
  settings: Settings;
  signal: AbortSignal;
  timeoutSeconds: number;
  job: Job;
  onEnd?: (end: ProgramEnd) => void;
  /** Around the groups of the job. @throws to have the group rolled back */
  around?: (visit: Visit, session: Session) => Promise<void>;
}

export interface RunEnd extends ProgramEnd { secrets: string[] }

/**
 * Runs a job on the tool's own connection to the target. When this returns, or throws, no session of it is left.
 * @throws FaberError target_mismatch where the tool's config leads to another database, before anything is sent there
 */
export async function runOnDatabase({ system, tool }: Programs, run: OnDatabase): Promise<RunEnd> {
  const { target, settings, signal, timeoutSeconds, job } = run;
  const sessionName = `${SESSIONS} ${randomUUID().slice(0, 13)}`;
  const { env, secrets } = programEnvironment(settings, target, sessionName);
  const proof = await system.hold(target);
  let over = false;
  let proven = false;
  try {
    const end = await runProgram({
      begin: { tool: tool.name, provider: settings.provider, place: placeOf(settings, target.schema), job, sessionName },
      env, signal, timeoutSeconds, ...(run.onEnd ? { onEnd: run.onEnd } : {}),
      visit: async (visit, guest) => {
        const session = guestSession(guest, system);
        if (visit.moment !== 'after' && !(await proof.isSeenBy(session))) throw anotherDatabase(tool, target, settings);
        if (visit.moment !== 'connected') await run.around?.(visit, session);
        else proven = true;
      },
    });
    over = end.word?.kind === 'done' && end.exit === 'exit code 0';
    if (over && !proven) throw noConnection(tool);
    return { ...end, secrets };
  } finally {
    await proof.release();
    // A backend notices that its client is gone only when it is done.
    if (!over) await system.endSessions(target, sessionName, { timeoutSeconds: Math.max(timeoutSeconds, 30) });
  }
}

export function placeOf(settings: Settings, schema: string): Place {
  const { working_directory, environment, migrations } = settings;
  return { directory: working_directory, environment, configFile: migrations.config_file ?? null, table: migrations.table, schema };
}

export function stepOf(settings: Settings, migration: Pick<Migration, 'name' | 'file'>, direction: ProgramStep['direction'], recordOnly = false): ProgramStep {
  return { name: migration.name, file: resolve(settings.working_directory, migration.file), direction, recordOnly };
}

/** Each once, absolute. */
export function filesOf(settings: Settings, migrations: readonly Migration[]): ProgramFile[] {
  const all = migrations.flatMap(({ program }) => program?.files ?? []);
  return [...new Map(all.map((file) => [file.path, { ...file, path: resolve(settings.working_directory, file.path) }])).values()];
}

export function groupOf(settings: Settings, migration: Migration, direction: ProgramStep['direction']): StepGroup {
  return { transactional: migration.program?.transaction === 'transactional', steps: [stepOf(settings, migration, direction)] };
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function noConnection({ title }: ProgramToolFacts): FaberError {
  return new FaberError({ code: 'unsupported', message: `${title} opened no connection through the driver that faber-db knows, so nothing is known of what it did.`, suggestions: ['Use the package pg, and no native binding of it'] });
}

function anotherDatabase({ title }: ProgramToolFacts, target: ConnectionTarget, { connection_string_env, migrations }: Settings): FaberError {
  return new FaberError({
    code: 'target_mismatch',
    message: `${title} connects by its own config to another database than ${target.describe()}. Nothing was sent there.`,
    suggestions: [
      `Have the config of ${title} take its URL from ${migrations.url_variable ?? 'DATABASE_URL'} (or ${connection_string_env}), which faber-db sets`,
      'Or name the variable that it reads: migrations.url_variable in the faber-db config',
    ],
  });
}
