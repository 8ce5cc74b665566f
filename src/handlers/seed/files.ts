/** Which files of the project a seed command names, and what is in them. */
import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { parseCommandString } from 'execa';
import { FaberError } from '../../contract/failure.js';
import type { SeedFile } from './contract.js';

/** `npm run seed` runs what stands in this file. */
const RUNNERS = new Set(['npm', 'npx', 'pnpm', 'yarn', 'bun']);
const MOST_BYTES = 64 * 1024 * 1024;

/** The words of a command, split as Prisma splits it: at spaces, a backslash keeps one. @throws FaberError plan_failed */
export function wordsOf(command: string): [string, ...string[]] {
  const [file, ...args] = parseCommandString(command);
  if (file !== undefined && file !== '') return [file, ...args];
  throw new FaberError({ code: 'plan_failed', message: 'The seed command is empty; nothing was changed', suggestions: ['Write it into seed.command of the faber-db config'] });
}

/** In the order of the command. A word that is no file in the project is none of these: a program on PATH, an option. */
export async function seedFiles(command: string, workingDirectory: string): Promise<SeedFile[]> {
  const words = wordsOf(command);
  const root = await realpath(workingDirectory);
  const named = RUNNERS.has(words[0]) ? [...words, 'package.json'] : words;
  const files = new Map<string, SeedFile>();
  for (const word of named) {
    const real = await realpath(resolve(root, word)).catch(() => null);
    if (real === null || !real.startsWith(root + sep) || real.startsWith(join(root, 'node_modules') + sep)) continue;
    const found = await stat(real);
    if (!found.isFile() || found.size > MOST_BYTES) continue;
    const path = relative(root, real);
    files.set(path, { path, sha256: createHash('sha256').update(await readFile(real)).digest('hex') });
  }
  return [...files.values()];
}
