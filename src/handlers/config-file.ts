/** Reads the config file where the project is, on the worker. */
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { CONFIG_PATH } from '../contract/config.js';
import { effectiveSettings } from '../contract/effective-settings.js';
import { FaberError } from '../contract/failure.js';
import { parseJsonText } from '../contract/json-text.js';
import { isDevelopment } from '../contract/protection.js';
import type { Settings } from '../contract/settings.js';
import { requireAllowed } from './allowed-roots.js';
import { publicKeyReader } from './approval/index.js';

/** Where the config is: `FABER_DB_CONFIG` (relative to the working directory), else the plugin's own place. */
function configPlace(workingDirectory: string, variables: NodeJS.ProcessEnv): { path: string; shown: string } {
  const named = variables['FABER_DB_CONFIG'];
  return named ? { path: resolve(workingDirectory, named), shown: named } : { path: join(workingDirectory, CONFIG_PATH), shown: CONFIG_PATH };
}

/** Where backups go unless the config says: outside the checkout, so that cleaning it takes no backup along. */
function defaultStore(variables: NodeJS.ProcessEnv): string | undefined {
  if (variables['FABER_DB_STORE']) return variables['FABER_DB_STORE'];
  // The XDG base directory specification has relative paths ignored.
  const data = variables['XDG_DATA_HOME'];
  return data?.startsWith('/') ? join(data, 'faber-db/store') : undefined;
}

async function notFound(workingDirectory: string, shown: string): Promise<FaberError> {
  const there = await stat(workingDirectory).catch(() => undefined);
  return new FaberError({
    code: 'config_not_found',
    message: 'FABER-DB plugin not configured',
    suggestions: there?.isDirectory()
      ? [`Run \`faber-db init\` (or /faber-db:init) in ${workingDirectory}`, `Expected ${shown}`]
      : [`${workingDirectory} does not exist on the worker`, 'Give working_directory as it is on the worker, not on the caller', `Expected ${shown} in it`],
  });
}

/** The config as it is written, and how people know the file. Nothing outside FABER_DB_ROOTS is looked at, be it there or not. */
async function readConfig(workingDirectory: string, variables: NodeJS.ProcessEnv): Promise<{ raw: unknown; shown: string }> {
  const { path, shown } = configPlace(workingDirectory, variables);
  await requireAllowed(workingDirectory, 'working_directory', 'invalid_request', variables);
  await requireAllowed(path, variables['FABER_DB_CONFIG'] ? 'FABER_DB_CONFIG' : 'The config', 'config_invalid', variables);
  const raw = parseJsonText(await readBytes(workingDirectory, path, shown), { what: shown, code: 'config_invalid', suggestions: [`Edit ${shown}`] });
  return { raw, shown };
}

async function readBytes(workingDirectory: string, path: string, shown: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') throw await notFound(workingDirectory, shown);
    throw new FaberError({ code: 'config_invalid', message: `${shown} cannot be read (${code})`, suggestions: ['The worker must be able to read it'] }, { cause: error });
  }
}

/**
 * The settings of one environment, from the config file of a project on this machine.
 * @param workingDirectory absolute path of the project
 * @throws FaberError invalid_request (a directory outside FABER_DB_ROOTS), config_not_found, config_invalid (also one that
 *   leads outside), environment_not_configured, unsupported.
 */
export async function loadSettings(workingDirectory: string, environment: string, variables: NodeJS.ProcessEnv = process.env): Promise<Settings> {
  // Every later use joins paths, which takes `..` off; a path with `..` behind a link must mean one place throughout.
  const directory = resolve(workingDirectory);
  const { raw, shown } = await readConfig(directory, variables);
  const store = defaultStore(variables);
  const settings = effectiveSettings(raw, environment, directory, {
    configPath: shown, home: homedir(), readPublicKeys: publicKeyReader(directory), ...(store ? { store } : {}),
  });
  await requireAllowed(settings.migrations.directory, 'migrations.directory', 'config_invalid', variables);
  // The original could be told to skip its checks; a release must not believe that it was.
  if (!variables['FABER_DB_SKIP_SAFETY_CHECKS'] || variables['FABER_DB_SKIP_SAFETY_CHECKS'] === 'false') return settings;
  return { ...settings, warnings: [...settings.warnings, 'FABER_DB_SKIP_SAFETY_CHECKS has no effect: safety checks cannot be skipped by a variable'] };
}

/** Names of the environments in the config of a project. @throws FaberError invalid_request, config_not_found, config_invalid. */
export async function configuredEnvironments(workingDirectory: string, variables: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const { raw } = await readConfig(resolve(workingDirectory), variables);
  const environments = (raw as { environments?: unknown } | null)?.environments;
  return typeof environments === 'object' && environments !== null ? Object.keys(environments) : [];
}

/**
 * The first environment of the config whose database is made anew at will.
 * @throws FaberError invalid_request when there is none: nobody meant a production server then.
 */
export async function developmentEnvironment(workingDirectory: string, variables: NodeJS.ProcessEnv = process.env): Promise<string> {
  const names = await configuredEnvironments(workingDirectory, variables);
  const found = names.find(isDevelopment);
  if (found !== undefined) return found;
  throw new FaberError({
    code: 'invalid_request',
    message: 'environment is missing, and none in the config is a development one (dev, development, test, ci, local, preview)',
    suggestions: [`Name the environment on whose server scratch databases may be made: ${names.join(', ') || 'none is configured'}`],
  });
}
