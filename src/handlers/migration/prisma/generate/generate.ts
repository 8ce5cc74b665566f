/** Makes a migration, with its down script, of the change between the project's migrations and its datamodel. */
import { stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { FaberError } from '../../../../contract/failure.js';
import type { Finding } from '../../../../contract/plan.js';
import type { Settings } from '../../../../contract/settings.js';
import { ScriptError, type ConnectionTarget, type DatabaseHandler } from '../../../database/contract.js';
import type { GeneratedMigration, GenerateRequest, Migration, Project } from '../../contract.js';
import { generatedMark } from '../../script/generated-down.js';
import type { SchemaFile } from '../engine/messages.js';
import { withSchemaEngine } from '../engine/schema-engine.js';
import { findSchema, migrationsPlace } from '../location.js';
import { readProject } from '../project.js';
import type { PrismaRunner, ScriptGeneration } from '../runner.js';
import { findPrismaVersion } from '../version.js';
import { readDatamodel, type WantedProvider } from './datamodel.js';
import { folderName } from './folder-name.js';
import { oneAtATime } from './one-at-a-time.js';
import { isOf, provenanceLine } from './provenance.js';
import { refuseExternal } from './refuse-external.js';
import { refuseOtherTools } from './refuse-other-tools.js';
import { tryScripts } from './try-scripts.js';
import { writeMigration } from './write.js';

/**
 * Both scripts are tried on a scratch database before they are written: nothing untried reaches the project. Safe to attempt
 * again: what an earlier attempt of the same operation wrote is found by its first line and returned.
 * @param target only tells the server on which the scratch database is made
 * @throws FaberError plan_failed (no datamodel, one that is not valid, migrations or scripts that fail), lock_timeout, and as
 *   `readProject`. Nothing was written then.
 */
export async function generateMigration(
  database: DatabaseHandler, runner: PrismaRunner, target: ConnectionTarget, settings: Settings, request: GenerateRequest,
): Promise<GeneratedMigration> {
  const { generation, providers } = runner;
  if (generation === undefined) throw cannotGenerate(database.provider);
  const variables = request.variables ?? process.env;
  const folder = await migrationsPlace(settings, variables);
  return oneAtATime(database, target, folder, request.signal, async () => {
    const project = await projectOf(settings, folder, providers, variables);
    const written = project.migrations.find(({ up }) => isOf(request.operationId, up));
    if (written) return { migration: written, path: relative(settings.working_directory, join(folder, written.name)), findings: [] };
    // Judged before the database is asked for anything: a name that cannot come last is wrong at once.
    const name = folderName(request.name, request.at, project.migrations.map((migration) => migration.name));
    await refuseExternal(settings.working_directory);
    const files = await datamodelOf(settings, folder, { names: providers, system: generation.system }, variables);
    request.onProgress('Making the schema of all migrations in a scratch database');
    const made = await database.withScratch(target, { id: request.operationId, signal: request.signal }, async (scratch) => {
      const leftOut = await runner.makeSchema(project.migrations, scratch, settings, request.signal);
      const scripts = await makeScripts({ database, scratch, generation, files, before: project.migrations, secrets: target.secrets, request });
      return scripts && { ...scripts, findings: [...scripts.findings, ...leftOut.map(notTried)] };
    }).catch((error: unknown) => {
      throw error instanceof ScriptError ? noScratch(error, target) : error;
    });
    // A cancel that came last: what is answered as cancelled is not written.
    request.signal.throwIfAborted();
    if (made === null) return { migration: null, path: null, findings: [] };
    const migration: Migration = { name, up: made.up, down: made.down, file: relative(settings.working_directory, join(folder, name, 'migration.sql')) };
    await writeMigration(folder, providers[0]!, name, { 'migration.sql': made.up, ...(made.down ? { 'down.sql': made.down } : {}) });
    return { migration, path: relative(settings.working_directory, join(folder, name)), findings: made.findings };
  });
}

/** An old `ALTER ROLE … PASSWORD` must not run again. */
const notTried = (what: string): Finding => ({ level: 'info', message: `Left out of the scratch database, since it reaches outside of it: ${what}` });

/** A project has no folder of migrations before its first one. */
async function projectOf(settings: Settings, folder: string, providers: readonly string[], variables: NodeJS.ProcessEnv): Promise<Pick<Project, 'migrations'>> {
  if (!(await stat(folder).then(() => true, () => false))) return { migrations: [] };
  await refuseOtherTools(folder);
  return readProject(settings, providers, variables);
}

async function datamodelOf(settings: Settings, folder: string, provider: WantedProvider, variables: NodeJS.ProcessEnv): Promise<SchemaFile[]> {
  const { major } = await findPrismaVersion(settings.working_directory);
  return readDatamodel(settings, await findSchema(settings, folder, variables), major ?? 7, provider);
}

interface Making {
  database: DatabaseHandler;
  scratch: ConnectionTarget;
  generation: ScriptGeneration;
  files: SchemaFile[];
  before: readonly Migration[];
  secrets: readonly string[];
  request: GenerateRequest;
}

interface Scripts { up: Uint8Array; down: Uint8Array | null; findings: Finding[] }

/** @returns null when there is no difference. */
async function makeScripts({ database, scratch, generation, files, before, secrets, request }: Making): Promise<Scripts | null> {
  const { operationId, signal, onProgress } = request;
  const session = await database.connect(scratch, 'compare');
  try {
    return await withSchemaEngine({ session, schema: scratch.schema, files, secrets, signal, provider: generation.engine }, async (engine) => {
      onProgress('Asking the engine for the change');
      const change = await engine.diff('database', 'datamodel');
      if (change.trim() === '') return null;
      const script = await generation.arrange(change, null);
      const up = provenanceLine(operationId) + warningLines(await generation.dangers(script, before)) + script;
      const down = await generation.arrange(await engine.diff('datamodel', 'database'), namesSchemas(files) ? null : scratch.schema);
      onProgress('Trying both scripts: up, down, up again');
      const { keepDown, findings } = await tryScripts({ database, scratch, generation, stillDifferent: () => engine.diff('database', 'datamodel') }, up, down);
      const bytes = Buffer.from(up);
      return { up: bytes, down: keepDown ? Buffer.from(generatedMark(bytes) + down) : null, findings };
    });
  } finally {
    await session.close();
  }
}

/** What destroys data or fails on tables with rows stands in the script too: a review of the code may see nothing else of us. */
const warningLines = (dangers: readonly string[]) => dangers.map((message) => `-- Warning: ${message.replaceAll(/\s+/g, ' ')}\n`).join('');

/** Such a datamodel means schemas by name, in both directions. */
const namesSchemas = (files: readonly SchemaFile[]) => files.some(({ content }) => /^\s*@@schema\(/m.test(content));

function cannotGenerate(provider: string): FaberError {
  return new FaberError({
    code: 'unsupported',
    message: `Migrations of ${provider} cannot be generated here: Prisma's engine, as it is published for programs, does not know it. Nothing was written.`,
    suggestions: ['Generate this migration with the Prisma CLI (`npx prisma migrate dev --create-only`); faber-db applies it as any other'],
  });
}

const INSUFFICIENT_PRIVILEGE = '42501';

function noScratch(error: ScriptError, target: ConnectionTarget): FaberError {
  const { sqlState, message } = error.failure;
  return new FaberError({
    code: 'plan_failed',
    message: `The scratch database beside ${target.describe()} could not be made or used (${sqlState ?? 'no SQLSTATE'}: ${message}). Nothing was written.`,
    suggestions: sqlState === INSUFFICIENT_PRIVILEGE
      ? ['Give the role of the connection CREATEDB, or name an environment (--environment) whose role has it']
      : ['See whether the server has room and takes connections, and try again'],
  }, { cause: error });
}
