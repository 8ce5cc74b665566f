/** `faber-db init`: writes a config to begin with. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { CONFIG_PATH } from '../../contract/config.js';
import { FaberError } from '../../contract/failure.js';
import { protectionOf } from '../../contract/protection.js';
import { defaultWorkingDirectory } from '../working-directory.js';
import { printJson, sayTo, type Io } from './io.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

function variableOf(environment: string): string {
  const name = environment.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
  return `${name === 'PRODUCTION' ? 'PROD' : /^\d/.test(name) ? `_${name}` : name}_DATABASE_URL`;
}

/** Says what is protected, although it follows from the names: whoever reads the file should see it. */
function configFor(environments: readonly string[]): Record<string, unknown> {
  return {
    schema_version: '1.0',
    database: { provider: 'postgresql', hosting: 'local', migration_tool: 'prisma' },
    environments: Object.fromEntries(
      environments.map((name) => [name, { connection_string_env: variableOf(name), protected: protectionOf(name, undefined, undefined).protected }]),
    ),
    migrations: { directory: 'prisma/migrations', table: '_prisma_migrations' },
  };
}

/** @throws FaberError config_invalid when there is a config already, which is left as it is. */
export async function writeInitialConfig(directory: string, environments: readonly string[]): Promise<string> {
  const wrong = environments.find((name) => !NAME.test(name));
  if (wrong !== undefined) throw new FaberError({ code: 'invalid_request', message: `'${wrong}' is no name of an environment`, suggestions: ['Letters, digits, dot, dash and underscore'] });
  const path = join(directory, CONFIG_PATH);
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(path, `${JSON.stringify(configFor(environments), null, 2)}\n`, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new FaberError({ code: 'config_invalid', message: `${path} is there already`, suggestions: ['Edit it; it was left as it is'] }, { cause: error });
  }
  return path;
}

export function addInit(program: Command, io: Io, done: (exitCode: number) => void): void {
  program
    .command('init')
    .summary('write a config to begin with')
    .option('--environments <names>', 'comma-separated', 'dev,staging,production')
    .option('--working-directory <path>', 'the project (default: CLAUDE_DB_CWD, the git root, here)')
    .option('--json', 'print one JSON object on stdout')
    .action(async (options: { environments: string; workingDirectory?: string; json?: boolean }) => {
      const environments = options.environments.split(',').map((name) => name.trim());
      const path = await writeInitialConfig(resolve(options.workingDirectory ?? defaultWorkingDirectory(io.env)), environments);
      const variables = environments.map(variableOf);
      if (options.json) printJson(io, { status: 'success', operation: 'init', result: { config: path, variables }, message: `Wrote ${path}` });
      else sayTo(io.stdout, `Wrote ${path}\nOn the worker, set: ${variables.join(', ')}`);
      done(0);
    });
}
