/**
 * Which folders this worker may read projects in: `FABER_DB_ROOTS`, absolute paths separated by colons. Without it, any.
 * Whoever may start operations names the directory; on a host with other people's files that must not mean every file.
 */
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { FaberError, type ErrorCode } from '../contract/failure.js';

const ROOTS_VARIABLE = 'FABER_DB_ROOTS';

/**
 * Refuses a path that lies, or by links leads, outside the allowed folders.
 * @param what how people know the path, for the message: "working_directory", "migrations.directory"
 * @throws FaberError `code` when it is outside; config_invalid when FABER_DB_ROOTS itself cannot be used
 */
export async function requireAllowed(path: string, what: string, code: ErrorCode, variables: NodeJS.ProcessEnv): Promise<void> {
  const roots = rootsIn(variables);
  if (roots === null) return;
  // The path as it will be opened: Node's join takes `..` off before the system sees a link.
  const place = await realPlace(resolve(path));
  for (const root of roots) {
    const real = await realpath(root).catch(() => null);
    if (place !== null && real !== null && (place === real || place.startsWith(real === sep ? sep : real + sep))) return;
  }
  throw new FaberError({
    code,
    message: `${what} (${path.length > 200 ? `${path.slice(0, 199)}…` : path}) is outside the folders that this worker may use; nothing was read there`,
    suggestions: [
      `Allowed, with links followed: ${roots.join(', ')} (${ROOTS_VARIABLE} on the worker)`,
      `Move the project into one of them, or have whoever runs the worker add its folder to ${ROOTS_VARIABLE}`,
    ],
  });
}

/** Null: not restricted. A value that names no folder restricts to none: a typo must not open everything. */
function rootsIn(variables: NodeJS.ProcessEnv): string[] | null {
  const value = variables[ROOTS_VARIABLE];
  if (value === undefined || value === '') return null;
  const roots = value.split(':').filter((root) => root !== '');
  if (roots.length > 0 && roots.every((root) => isAbsolute(root))) return roots;
  throw new FaberError({
    code: 'config_invalid',
    message: `${ROOTS_VARIABLE} on the worker must hold absolute paths, separated by colons; no project is read`,
    suggestions: [`For example ${ROOTS_VARIABLE}=/srv/projects:/home/ci/builds`],
  });
}

/** Where a path leads, also one that is not there yet; null where that cannot be told (a broken link, a loop, no permission). */
async function realPlace(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') return null;
    // A link into nothing may lead anywhere by the time it is opened.
    if (await lstat(path).then(() => true, () => false)) return null;
    const parent = await realPlace(dirname(path));
    return parent === null ? null : join(parent, basename(path));
  }
}
