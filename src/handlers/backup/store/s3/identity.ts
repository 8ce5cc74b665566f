/** The id written inside a store in S3. */
import { randomUUID } from 'node:crypto';
import { STORE_FILE } from '../names.js';
import { parseIdentity, refused } from '../store-file.js';
import type { Objects } from './objects.js';

/**
 * Reads the id of the store, or makes an empty place a store. Safe when two open at once.
 * @throws FaberError store_unavailable for a place with other things in it, a damaged or newer store file.
 */
export async function openIdentity(objects: Objects): Promise<string> {
  const { location } = objects.place;
  const written = await objects.getText(STORE_FILE);
  if (written !== null) return parseIdentity(location, written);
  if (await objects.holdsMoreThan(STORE_FILE)) throw refused(location, 'it holds other objects and no store.json: it is not a store, or its store.json was lost');
  await objects.create(STORE_FILE, `${JSON.stringify({ store_version: 1, id: randomUUID() })}\n`);
  // Read back instead of trusting our own: another process may have been first.
  const text = await objects.getText(STORE_FILE);
  if (text === null) throw refused(location, 'its store.json disappeared');
  return parseIdentity(location, text);
}
