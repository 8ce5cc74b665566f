/** A new migration of the change between the project's migrations and its entities, tried up, down and up again before it is there. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { FaberError } from '../../../contract/failure.js';
import type { Finding } from '../../../contract/plan.js';
import type { Settings } from '../../../contract/settings.js';
import { ScriptError, type ConnectionTarget } from '../../database/contract.js';
import type { GeneratedMigration, GenerateRequest, Migration } from '../contract.js';
import { differences, listed, schemaOf } from '../schema-difference.js';
import { asScriptError, toldOf } from '../program/failure.js';
import type { MadeScripts } from '../program/messages.js';
import { readProject } from '../program/project.js';
import { makeSchema } from '../program/scratch.js';
import { runOnDatabase, sha256, type Programs } from '../program/session.js';
import { succeeded } from '../program/step.js';
import { sourceOf } from './source.js';

/** @throws FaberError plan_failed; nothing was written then */
export async function generateDifference(programs: Programs, target: ConnectionTarget, settings: Settings, request: GenerateRequest): Promise<GeneratedMigration> {
  const { tool, database } = programs;
  const { operationId, signal, onProgress, variables } = request;
  const { migrations } = await readProject(tool, settings, variables);
  const mark = createHash('sha256').update(operationId).digest('hex').slice(0, 16);
  const earlier = migrations.find(({ up }) => Buffer.from(up.subarray(0, 200)).toString('utf8').includes(mark));
  if (earlier) return { migration: earlier, path: earlier.file, findings: [] };
  const last = migrations.at(-1);
  const folder = last === undefined ? settings.migrations.directory : dirname(join(settings.working_directory, last.file));
  await mkdir(folder, { recursive: true });
  // In the project, so that it finds packages as its place in the folder would; beside the folder, which has whole migrations only.
  const beside = await mkdtemp(join(dirname(folder), '.faber-db-new-'));
  try {
    return await database.withScratch(target, { id: operationId, signal }, async (scratch) => {
      onProgress(`Making the schema of ${migrations.length} migrations in a scratch database`);
      await makeSchema(programs, migrations, scratch, settings, signal);
      onProgress('Comparing it with the entities');
      const scripts = await difference(programs, scratch, settings, signal);
      if (scripts.up.length === 0) return { migration: null, path: null, findings: [] };
      const made = await sourceOf(request, mark, scripts, { folder, ending: last === undefined ? '.ts' : extname(last.file) });
      const place = join(beside, basename(made.file));
      await writeFile(place, made.text, { flag: 'wx' });
      const up = await readFile(place);
      const tried: Migration = {
        name: made.name, up, down: up, file: relative(settings.working_directory, place),
        program: { transaction: 'transactional', files: [{ path: relative(settings.working_directory, place), sha256: sha256(up) }], tried: null },
      };
      const findings = await tryIt(programs, tried, scratch, settings, signal);
      await rename(place, made.file);
      const file = relative(settings.working_directory, made.file);
      const migration = (await readProject(tool, settings, variables)).migrations.find((one) => one.file === file);
      if (!migration) throw refused(`${tool.title} does not find ${file} by the config of the project`);
      return { migration: { ...migration, program: { ...migration.program!, tried: { up: scripts.up.map(({ query }) => query), down: scripts.down.map(({ query }) => query), failed: null } } }, path: file, findings };
    });
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    throw refused(`the scratch database could not be made or used (${error.failure.sqlState ?? 'no SQLSTATE'}: ${error.failure.message})`);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

async function difference(programs: Programs, scratch: ConnectionTarget, settings: Settings, signal: AbortSignal): Promise<MadeScripts> {
  const timeoutSeconds = settings.migrations.timeout_seconds;
  const end = await runOnDatabase(programs, { target: scratch, settings, signal, timeoutSeconds, job: { kind: 'difference' } });
  if (end.scripts === null || !succeeded(end)) throw asScriptError(await toldOf(end, programs.system, { secrets: end.secrets, timeoutSeconds }));
  return end.scripts;
}

/** @throws FaberError plan_failed when it does not lead to the entities, or not back */
async function tryIt(programs: Programs, migration: Migration, scratch: ConnectionTarget, settings: Settings, signal: AbortSignal): Promise<Finding[]> {
  const own = programs.tool.tables(settings.migrations.table).flatMap(({ table, key }) => programs.system.relationsOf(table, key));
  const before = await schemaOf(programs.database, scratch, own);
  await makeSchema(programs, [migration], scratch, settings, signal);
  if ((await difference(programs, scratch, settings, signal)).up.length > 0) throw refused(`after it, ${programs.tool.title} still sees a difference between database and entities`);
  await makeSchema(programs, [migration], scratch, settings, signal, 'down');
  const lines = differences(before, await schemaOf(programs.database, scratch, own));
  await makeSchema(programs, [migration], scratch, settings, signal);
  return lines.length === 0 ? [] : [{ level: 'warning', message: `Its down leaves another schema than there was: ${listed(lines)}` }];
}

function refused(why: string): FaberError {
  return new FaberError({ code: 'plan_failed', message: `No migration was made: ${why}. Nothing was written.`, suggestions: ['Mend the entities or the migrations, or write this migration by hand'] });
}
