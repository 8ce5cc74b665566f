/** A new migration by the tool's own template, to be filled in: these tools know no datamodel. */
import { mkdtemp, rename, rm, mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';
import type { GeneratedMigration, GenerateRequest } from '../contract.js';
import { programEnvironment } from './environment.js';
import { runProgram } from './process.js';
import { describeProject, readProject } from './project.js';
import { placeOf } from './session.js';
import type { ProgramToolFacts } from './tool.js';

const TIMEOUT_SECONDS = 60;

/** Written beside and renamed: there is never half of it. @throws FaberError plan_failed */
export async function generateTemplate(tool: ProgramToolFacts, settings: Settings, { name, operationId, at, signal, variables }: GenerateRequest): Promise<GeneratedMigration> {
  const before = await describeProject(tool, settings, variables);
  const last = before.migrations.at(-1);
  const earlier = last !== undefined && isOfThisTry(last.name, name, at) ? last : null;
  if (earlier) return answer(tool, settings, earlier.file, operationId, variables);
  const folder = last === undefined ? settings.migrations.directory : dirname(last.file);
  await mkdir(folder, { recursive: true });
  const beside = await mkdtemp(join(dirname(folder), '.faber-db-new-'));
  try {
    const { env } = programEnvironment(settings, null, 'faber-db new migration', variables);
    const end = await runProgram({
      begin: { tool: tool.name, provider: settings.provider, place: placeOf(settings, 'public'), job: { kind: 'make', name, folder: beside }, sessionName: 'faber-db new migration' },
      env, signal, timeoutSeconds: TIMEOUT_SECONDS, visit: async () => {},
    });
    if (end.made === null || end.word?.kind !== 'done') throw notMade(tool, end.word?.kind === 'unusable' ? end.word.message : `its process ended (${end.exit})`);
    const place = join(folder, basename(end.made));
    if (await stat(place).then(() => true, () => false)) throw notMade(tool, `${basename(place)} is there already`);
    await rename(end.made, place);
    return await answer(tool, settings, place, operationId, variables);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

/** A template sends nothing. */
const NOTHING = { up: [], down: [], failed: null };

async function answer(tool: ProgramToolFacts, settings: Settings, place: string, operationId: string, variables: GenerateRequest['variables']): Promise<GeneratedMigration> {
  const path = relative(settings.working_directory, place);
  const migration = (await readProject(tool, settings, variables)).migrations.find(({ file }) => file === path);
  if (!migration) throw notMade(tool, `${tool.title} does not find what it made in ${path} (operation ${operationId})`);
  return { migration: { ...migration, program: { ...migration.program!, tried: NOTHING } }, path, findings: [{ level: 'warning', message: `${path} is the template of ${tool.title}: it changes nothing until its up and down are written` }] };
}

/** An attempt before this one has written it: the newest, of this name, begun since the operation was asked for. */
function isOfThisTry(file: string, name: string, at: number): boolean {
  const [, time, rest] = /^(\d{14})[_-](.*)\.\w+$/.exec(file) ?? [];
  return rest === name && time !== undefined && time >= new Date(at).toISOString().replaceAll(/\D/g, '').slice(0, 14);
}

function notMade({ title }: ProgramToolFacts, why: string): FaberError {
  return new FaberError({ code: 'plan_failed', message: `${title} made no migration: ${why}. Nothing was written.`, suggestions: ['Try again, or make it with the tool itself'] });
}
