/** Runs in a process of its own, one for each operation on a project's migrations. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { MigrationTool } from '../../../../contract/settings.js';
import type { ProgramFile } from '../../contract.js';
import type { Begin, Job, StepGroup } from '../messages.js';
import { Abandoned, at, onBegin, say, sayAndEnd } from './channel.js';
import { type ConnectedTool, type ProgramTool, type ToolProject, Unusable } from './contract.js';
import { loadModule } from './load.js';
import { readStatements } from './statements.js';
import { tapDriver, type Tap } from './tap.js';
import { thrownOf } from './thrown.js';

/** Each loaded for its own projects only. */
const TOOLS: Partial<Record<MigrationTool, () => Promise<ProgramTool>>> = {
  knex: async () => (await import('../../knex/adapter.js')).knex,
  typeorm: async () => (await import('../../typeorm/adapter.js')).typeorm,
  sequelize: async () => (await import('../../sequelize/adapter.js')).sequelize,
};

/** The migration that runs, if one does: where its statements belong, and whose line an error is in. */
const now = { group: 0, step: 0, inside: false, file: null as string | null, threw: null as { what: unknown } | null, transaction: null as number | null };
let statements = 0;

function failed(error: unknown): void {
  if (error instanceof Abandoned) sayAndEnd({ kind: 'done' });
  else if (error instanceof Unusable) sayAndEnd({ kind: 'unusable', message: error.message, suggestions: error.suggestions });
  else sayAndEnd({ kind: 'failed', thrown: thrownOf(now.threw === null ? error : now.threw.what, now.file) });
}

/** A promise that nobody awaits is a failure of the migration that made it. */
process.on('unhandledRejection', failed);
process.on('uncaughtException', failed);
onBegin((begin) => void work(begin).then(() => sayAndEnd({ kind: 'done' }), failed));

async function work(begin: Begin): Promise<void> {
  const { tool, place, job } = begin;
  process.chdir(place.directory);
  if (job.kind === 'run') await requireSame(job.files);
  const project = await (await TOOLS[tool]!()).open(place);
  if (job.kind === 'describe') return say({ kind: 'described', project: await project.describe() });
  if (job.kind === 'make') return say({ kind: 'made', file: await project.make!(job.name, job.folder) });
  const tap: Tap = await tapped(begin, project, (connection) => at('connected', 0, tap, connection));
  const connected = await project.connect({ load: (step) => loadModule(step.file), run: watched });
  await onDatabase(job, connected, tap);
  await connected.close();
}

async function onDatabase(job: Job, connected: ConnectedTool, tap: Tap): Promise<void> {
  if (job.kind === 'unlock') await connected.unlock?.();
  if (job.kind === 'difference') say({ kind: 'difference', scripts: await connected.difference!() });
  if (job.kind !== 'run') return;
  for (const [index, group] of job.groups.entries()) await runGroup(index, group, connected, tap);
}

/** Without steps it makes the ledger. */
async function runGroup(index: number, { transactional, steps }: StepGroup, connected: ConnectedTool, tap: Tap): Promise<void> {
  now.group = index;
  const each = async (run: typeof connected.outside) => {
    await run.ensureLedger();
    for (const [number, step] of steps.entries()) {
      now.step = number;
      now.file = step.file;
      await run.step(step);
    }
  };
  if (!transactional) {
    await connected.withConnection((connection) => at('before', index, tap, connection));
    await each(connected.outside);
    return connected.withConnection((connection) => at('after', index, tap, connection));
  }
  await connected.inTransaction(async (connection, run) => {
    await at('before', index, tap, connection);
    now.transaction = tap.numberOf(connection);
    await each(run);
    now.transaction = null;
    await at('after', index, tap, connection);
  });
}

/** Around the migration's own function. */
async function watched(step: { recordOnly: boolean }, run: () => unknown): Promise<unknown> {
  if (step.recordOnly) return undefined;
  now.inside = true;
  try {
    return await run();
  } catch (error) {
    // Tools wrap it, and stumble over what is no error.
    now.threw ??= { what: error };
    throw error;
  } finally {
    now.inside = false;
  }
}

async function tapped({ provider, job, sessionName }: Begin, project: ToolProject, onFirstConnection: (connection: unknown) => Promise<void>): Promise<Tap> {
  const step = () => (job.kind === 'run' ? (job.groups[now.group]?.steps[now.step]?.name ?? '') : '');
  const reads = await readStatements(provider);
  return tapDriver(provider, project.require, {
    sessionName,
    onFirstConnection,
    isInside: () => now.inside,
    onStatement: ({ connection, sql }) => {
      say({ kind: 'statement', at: statements, connection, group: now.group, step: now.step, sql });
      return statements++;
    },
    onEnd: (number, hasFailed) => say({ kind: 'statement-end', at: number, failed: hasFailed }),
    outside: job.kind === 'run' && job.scratch ? reads.outside : null,
    endsTransaction(connection, sql) {
      if (now.transaction !== connection || !reads.endsTransaction(sql)) return false;
      now.threw ??= { what: new Error('it ends the transaction that it runs in') };
      return true;
    },
    onLeftOut: (what) => say({ kind: 'left-out', step: step(), what }),
  });
}

/** Right before anything of it is loaded. */
async function requireSame(files: readonly ProgramFile[]): Promise<void> {
  for (const { path, sha256 } of files) {
    const bytes = await readFile(path).catch(() => null);
    if (bytes !== null && createHash('sha256').update(bytes).digest('hex') === sha256) continue;
    say({ kind: 'changed', path });
    throw new Abandoned('changed');
  }
}
