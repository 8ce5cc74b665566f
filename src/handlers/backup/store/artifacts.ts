/** Content-addressed bytes: the name is the sha256, so a wrong byte is always noticed. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, utimes } from 'node:fs/promises';
import { FaberError } from '../../../contract/failure.js';
import { writeDurably } from './durable.js';
import { artifactPath } from './names.js';

export const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** @returns the sha256 (hex) under which the bytes are kept. */
export async function putArtifact(location: string, bytes: Uint8Array): Promise<string> {
  const sha256 = digest(bytes);
  const path = artifactPath(location, sha256);
  const there = await read(path);
  // A damaged copy is replaced: we hold the right bytes.
  if (there === null || digest(there) !== sha256) await writeDurably(path, bytes, 'replace');
  // Its age counts from its last use: retention takes what nobody used for long.
  else await utimes(path, new Date(), new Date());
  return sha256;
}

/** @throws FaberError store_unavailable when missing or damaged. */
export async function getArtifact(location: string, sha256: string): Promise<Uint8Array> {
  return requireIntact(location, sha256, await read(artifactPath(location, sha256)));
}

/** @throws FaberError store_unavailable when missing or damaged. */
export function requireIntact(location: string, sha256: string, bytes: Uint8Array | null): Uint8Array {
  if (bytes === null) throw fault(location, sha256, 'is not in');
  if (digest(bytes) !== sha256) throw fault(location, sha256, 'is damaged in');
  return bytes;
}

function fault(location: string, sha256: string, what: string): FaberError {
  return new FaberError({
    code: 'store_unavailable',
    message: `Artifact ${sha256.slice(0, 12)} ${what} the backup store ${location}`,
    result: { location, artifact: sha256 },
    suggestions: ['Check that this worker uses the store in which the plan was made', 'Start the operation again to make a new plan'],
  });
}

async function read(path: string): Promise<Uint8Array | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
