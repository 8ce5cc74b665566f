/** Steps of the phases that are no operations: trying migrations, the project's tests, checks of the data. */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { FaberError } from '../contract/failure.js';
import type { Settings } from '../contract/settings.js';
import type { PhaseStepInput, Rehearsal } from './contract.js';
import { openResources, type Dependencies } from './dependencies.js';
import { withHeartbeat } from './heartbeat.js';

/** For people, a check is a page of SQL. */
const MOST_CHECK_BYTES = 64 * 1024;
const HANDED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];

export async function rehearseMigrations(deps: Dependencies, { settings, operation_id: operationId }: PhaseStepInput): Promise<Rehearsal> {
  return withHeartbeat(async ({ signal, progress }) => {
    const { target, migrations } = await openResources(deps, settings);
    const project = (await migrations.readProject(settings, deps.env)).migrations;
    const names = new Set(migrations.compare(project, await migrations.readLedger(target, settings)).pending);
    const pending = project.filter((m) => names.has(m.name));
    if (pending.length === 0) return { up: [], down: [], stopped_at: null };
    const tried = await migrations.rehearse(target, settings, { applied: project.filter((m) => !names.has(m.name)), pending, operationId, signal, onProgress: progress });
    return { up: pending.map((m) => m.name), down: tried.down, stopped_at: tried.stoppedAt };
  });
}

/**
 * What the tests print may hold rows: the last of it is shown masked, all that is kept lies in a file of mode 0600. They die with the
 * worker, and are run again by the next one.
 */
export async function runTests(deps: Dependencies, { settings, operation_id }: PhaseStepInput): Promise<{ command: string }> {
  const command = settings.phases?.test_command ?? '';
  const seconds = settings.phases?.test_timeout_seconds ?? 1800;
  return withHeartbeat(async ({ signal, progress }) => {
    const { target } = await openResources(deps, settings);
    progress(`Running ${command}`);
    const end = await deps.seeds.run({ command, ...testEnvironment(deps, settings), signal, limit: { seconds, key: 'phases.evaluate.test_timeout_seconds' } }, settings);
    const store = await deps.openStore(settings);
    const path = await store.putErrorDetail(operation_id, `${command}\n${end.reason ?? 'passed'}\n\n${end.output}\n`).catch(() => null);
    if (end.succeeded) return { command };
    throw new FaberError({
      code: 'phase_failed',
      message: `The tests failed (${command}): ${end.reason}. ${settings.environment} stays migrated`,
      result: { output: end.tail, output_path: path, database: target.describe() },
      suggestions: [...(path === null ? [] : [`What they printed (it may hold data) is on the worker in ${path}`]), 'Mend the code or the migration, and start the phase again with another id'],
    });
  });
}

/** The one database, by the names that projects know it under. */
function testEnvironment(deps: Dependencies, settings: Settings): { env: Record<string, string>; secrets: string[] } {
  const { connection_string_env: name, direct_connection_string_env: direct, environment } = settings;
  const names = [...HANDED_ON, name, ...(direct === null ? [] : [direct])].filter((variable) => deps.env[variable] !== undefined);
  const url = deps.env[name]?.trim() ?? '';
  const urls = [url, ...(direct === null ? [] : [deps.env[direct]?.trim() ?? ''])].filter((value) => value !== '');
  const secrets = urls.flatMap((value) => [value, ...deps.databases(settings.provider).target(value).secrets]);
  return { env: { ...Object.fromEntries(names.map((variable) => [variable, deps.env[variable]!])), DATABASE_URL: url, FABER_DB_ENVIRONMENT: environment }, secrets };
}

export async function checkIntegrity(deps: Dependencies, { settings }: PhaseStepInput): Promise<{ checks: number; remarks: string[] }> {
  const files = settings.phases?.integrity_checks ?? [];
  return withHeartbeat(async ({ signal, progress }) => {
    const { target, database } = await openResources(deps, settings);
    const failed: string[] = [];
    for (const file of files) {
      progress(`Checking ${file}`);
      const query = await readCheck(deps, settings, file);
      try {
        const { rows, more } = await database.rowsFound(target, query, { timeoutSeconds: settings.phases?.integrity_timeout_seconds ?? 300, signal });
        if (rows > 0) failed.push(`${file} finds ${more ? `more than ${rows}` : rows} row${rows === 1 ? '' : 's'}`);
      } catch (error) {
        if (!(error instanceof FaberError) || error.code !== 'phase_failed') throw error;
        failed.push(`${file}: ${error.message}`);
      }
    }
    const remarks = await database.uncheckedObjects(target);
    if (failed.length === 0) return { checks: files.length, remarks };
    throw new FaberError({
      code: 'phase_failed',
      message: `${failed.length} of ${files.length} checks of the data failed: ${failed.join('; ')}. ${settings.environment} stays migrated`,
      result: { failed_checks: failed, remarks },
      suggestions: ['Run the query by hand to see the rows; no row is shown here'],
    });
  });
}

async function readCheck(deps: Dependencies, { working_directory }: Settings, file: string): Promise<string> {
  const path = resolve(working_directory, file);
  await deps.requireAllowed(path, `phases.evaluate.integrity_checks (${file})`);
  try {
    if ((await stat(path)).size > MOST_CHECK_BYTES) throw unreadable(file, `it has more than ${MOST_CHECK_BYTES} bytes`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof FaberError) throw error;
    throw unreadable(file, (error as NodeJS.ErrnoException).code ?? 'unknown');
  }
}

function unreadable(file: string, why: string): FaberError {
  return new FaberError({ code: 'config_invalid', message: `phases.evaluate.integrity_checks names ${file}, which cannot be read (${why})`, suggestions: ['Paths begin in the working directory, and the worker must be able to read them'] });
}
