/** `store.json`: the id written inside a store, which tells it from another and from what is no store. */
import { z } from 'zod';
import { FaberError } from '../../../contract/failure.js';

const StoreFile = z.object({ store_version: z.literal(1), id: z.uuid() });

/** @returns the id. @throws FaberError store_unavailable when it is damaged or of a newer version */
export function parseIdentity(location: string, text: string): string {
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

export function refused(location: string, why: string): FaberError {
  return new FaberError({
    code: 'store_unavailable',
    message: `${location} cannot be used as the backup store: ${why}`,
    result: { location, reason: why },
    suggestions: ['Point backup.location at a store or at an empty place', 'If store.json was lost, put it back from a copy: backups are tied to the id in it'],
  });
}
