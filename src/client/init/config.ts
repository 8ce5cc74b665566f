/** The config that `init` writes. */
import { existsSync } from 'node:fs';
import { mkdir, realpath, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { Config, CONFIG_PATH, configJsonSchema } from '../../contract/config.js';
import { effectiveSettings } from '../../contract/effective-settings.js';
import { FaberError } from '../../contract/failure.js';
import { protectionOf } from '../../contract/protection.js';
import type { MigrationTool, Provider } from '../../contract/settings.js';

export interface InitialConfig {
  tool: MigrationTool;
  provider: Provider;
  migrations: { directory: string; table: string };
  /** By environment, in order. */
  environments: { name: string; variable: string; direct?: string }[];
}

/** Says what is protected, although it follows from the names: whoever reads the file should see it. */
export function configOf({ tool, provider, migrations, environments }: InitialConfig, schema: string): Record<string, unknown> {
  return {
    $schema: schema,
    schema_version: '1.0',
    database: { provider, hosting: 'local', migration_tool: tool },
    environments: Object.fromEntries(
      environments.map(({ name, variable, direct }) => [
        name,
        { connection_string_env: variable, ...(direct ? { direct_connection_string_env: direct } : {}), protected: protectionOf(name, undefined, undefined).protected },
      ]),
    ),
    migrations,
  };
}

/**
 * What the worker will say to this config, before it is written.
 * @returns remarks, such as a tool that this release does not run yet
 * @throws FaberError config_invalid
 */
export function judge(config: Record<string, unknown>, directory: string): string[] {
  const remarks = new Set<string>();
  Config.parse(config);
  for (const environment of Object.keys(config['environments'] as object)) {
    try {
      for (const warning of effectiveSettings(config, environment, directory, { store: '/' }).warnings) remarks.add(warning);
    } catch (error) {
      if (!(error instanceof FaberError) || error.code !== 'unsupported') throw error;
      remarks.add(error.message);
    }
  }
  return [...remarks];
}

/** @throws FaberError config_invalid when there is a config already. */
export function requireNone(directory: string): void {
  const path = join(directory, CONFIG_PATH);
  if (existsSync(path)) throw thereAlready(path);
}

function thereAlready(path: string, cause?: unknown): FaberError {
  return new FaberError({ code: 'config_invalid', message: `${path} is there already`, suggestions: ['Edit it; it was left as it is', 'Or write it anew: --force'] }, { cause });
}

/**
 * Where the config's JSON Schema is, as the config names it: in the project's own copy of this package, else beside the config,
 * where it is written.
 */
export async function provideSchema(directory: string): Promise<string> {
  const folder = dirname(join(directory, CONFIG_PATH));
  const installed = await installedSchema(directory);
  if (installed !== null) return relative(folder, installed);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.schema.json'), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  return './config.schema.json';
}

async function installedSchema(directory: string): Promise<string | null> {
  try {
    const found = createRequire(join(await realpath(directory), 'package.json')).resolve('faber-db/config.schema.json');
    // Through a link (npm link, a workspace) the place would hold on this machine only.
    return (await realpath(found)) === found && found.includes(`${join('node_modules', 'faber-db')}/`) ? found : null;
  } catch {
    return null;
  }
}

/** @throws FaberError config_invalid when there is a config already, unless `force`. */
export async function writeConfig(directory: string, config: Record<string, unknown>, force: boolean): Promise<string> {
  const path = join(directory, CONFIG_PATH);
  const text = `${JSON.stringify(config, null, 2)}\n`;
  await mkdir(dirname(path), { recursive: true });
  try {
    if (!force) await writeFile(path, text, { flag: 'wx' });
    else {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    }
    return path;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw thereAlready(path, error);
  }
}
