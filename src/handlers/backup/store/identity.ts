/** The id written inside a store: it tells a store from a folder, and one store from another. */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FaberError } from '../../../contract/failure.js';
import { makeFolder, writeDurably } from './durable.js';
import { STORE_FILE } from './names.js';

const StoreFile = z.object({ store_version: z.literal(1), id: z.uuid() });

/**
 * Reads the id of the store, or makes an empty or missing folder a store. Safe when two open at once.
 * @returns the id and the real path of the folder.
 * @throws FaberError store_unavailable for a folder with other things in it, a damaged or newer store file.
 */
export async function openIdentity(location: string): Promise<{ id: string; location: string }> {
  await makeFolder(location);
  const real = await realpath(location);
  if (!(await stat(real)).isDirectory()) throw refused(real, 'it is not a folder');
  const written = await readId(real);
  if (written !== null) return { id: written, location: real };
  // A dot file or an ext4 root's lost+found is nobody's data.
  const others = (await readdir(real)).filter((name) => !name.startsWith('.') && name !== 'lost+found' && name !== STORE_FILE);
  if (others.length > 0) throw refused(real, 'it holds other files and no store.json: it is not a store, or its store.json was lost');
  await writeDurably(join(real, STORE_FILE), `${JSON.stringify({ store_version: 1, id: randomUUID() })}\n`, 'create');
  // Read back instead of trusting our own: another process may have been first.
  const id = await readId(real);
  if (id === null) throw refused(real, 'its store.json disappeared');
  return { id, location: real };
}

async function readId(location: string): Promise<string | null> {
  let text: string;
  try {
    text = await readFile(join(location, STORE_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const parsed = StoreFile.safeParse(parseJson(text));
  if (!parsed.success) throw refused(location, 'its store.json is damaged or of a newer version');
  return parsed.data.id;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(location: string, why: string): FaberError {
  return new FaberError({
    code: 'store_unavailable',
    message: `${location} cannot be used as the backup store: ${why}`,
    result: { location, reason: why },
    suggestions: ['Point backup.location at a store or at an empty folder', 'If store.json was lost, put it back from a copy: backups are tied to the id in it'],
  });
}
