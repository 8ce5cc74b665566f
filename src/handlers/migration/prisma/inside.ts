/** Files of the project, read only where they lie in it: a link must not make the worker read or run what is not the project's. */
import { readFile, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { FaberError } from '../../../contract/failure.js';

/** Real paths of the folders that files may lie in. */
export async function allowedFolders(...folders: string[]): Promise<string[]> {
  return Promise.all(folders.map((folder) => realpath(folder)));
}

/**
 * The bytes of a text file, null where there is none.
 * @param shown how people know the file
 * @throws FaberError plan_failed for one that leads out of the folders, cannot be read, or is no UTF-8 text.
 */
export async function readInside(file: string, shown: string, inside: readonly string[]): Promise<Uint8Array | null> {
  const real = await realpath(file).catch(() => null);
  if (real === null) return null;
  if (!inside.some((root) => real.startsWith(root + sep))) throw refused(`${shown} is a link that leads out of the project.`);
  const bytes = await readFile(real).catch((error: NodeJS.ErrnoException) => {
    throw refused(`${shown} cannot be read (${error.code ?? 'unknown error'}).`);
  });
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refused(`${shown} is not UTF-8 text.`, ['Save the file as UTF-8; another encoding would change what runs.']);
  }
  if (bytes.includes(0)) throw refused(`${shown} holds a NUL byte, which PostgreSQL cannot take.`);
  return bytes;
}

function refused(message: string, suggestions: string[] = []): FaberError {
  return new FaberError({ code: 'plan_failed', message: `${message} Nothing was changed.`, suggestions });
}
