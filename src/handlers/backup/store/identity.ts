/** The id written inside a local store: it tells a store from a folder, and one store from another. */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, writeDurably } from './durable.js';
import { STORE_FILE } from './names.js';
import { parseIdentity, refused } from './store-file.js';

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
  return parseIdentity(location, text);
}
