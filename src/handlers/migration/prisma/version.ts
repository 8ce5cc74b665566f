/** Which Prisma a project uses. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FaberError } from '../../../contract/failure.js';

export interface PrismaVersion {
  /** As installed, else as package.json asks for it, else null. */
  version: string | null;
  major: number | null;
}

/**
 * Looks in the working directory and its parents, as Node resolves packages (a workspace hoists them).
 * @throws FaberError unsupported for a major version that this release does not know.
 */
export async function findPrismaVersion(workingDirectory: string): Promise<PrismaVersion> {
  const version = (await installedVersion(workingDirectory)) ?? (await requestedVersion(workingDirectory));
  const major = version === null ? null : Number(/\d+/.exec(version)?.[0] ?? Number.NaN);
  if (major === null || Number.isNaN(major)) return { version, major: null };
  if (major >= 8) throw unsupported(version!, 'Prisma 8 changes the files and commands of migrations');
  if (major < 5) throw unsupported(version!, 'its migrations were never tried with this release');
  return { version, major };
}

function unsupported(version: string, why: string): FaberError {
  return new FaberError({
    code: 'unsupported',
    message: `Prisma ${version} is not supported: ${why}. Nothing was changed.`,
    suggestions: ['Use Prisma 5, 6 or 7 in this project, or a release of faber-db that names this version.'],
  });
}

async function installedVersion(from: string): Promise<string | null> {
  for (const folder of upwards(from)) {
    const found = await readJson(join(folder, 'node_modules', 'prisma', 'package.json'));
    if (typeof found?.version === 'string') return found.version;
  }
  return null;
}

async function requestedVersion(from: string): Promise<string | null> {
  for (const folder of upwards(from)) {
    const manifest = await readJson(join(folder, 'package.json'));
    for (const key of ['dependencies', 'devDependencies'] as const) {
      const wanted = manifest?.[key] as Record<string, unknown> | undefined;
      const version = wanted?.prisma ?? wanted?.['@prisma/client'];
      if (typeof version === 'string') return version;
    }
  }
  return null;
}

function* upwards(from: string): Generator<string> {
  for (let folder = from; ; folder = dirname(folder)) {
    yield folder;
    if (dirname(folder) === folder) return;
  }
}

/** The JSON object in a file, or null where there is none. */
export async function readJson(file: string): Promise<Record<string, unknown> | null> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
