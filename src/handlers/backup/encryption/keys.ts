/** The keys that backups are encrypted with: age identities in environment variables of the worker. */
import { Encrypter, Decrypter, identityToRecipient } from 'age-encryption';
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';

export interface BackupKey {
  /** Name of the variable that holds it. */
  variable: string;
  /** The public half (`age1…`): names the key, and reveals nothing of it. */
  recipient: string;
  /** Opens a header. @returns the key of that one file. @throws Error when it was not made for this key, or was changed */
  openHeader(header: Uint8Array): Promise<Uint8Array>;
  /** A header for a new file. */
  newHeader(): Promise<{ header: Uint8Array; fileKey: Uint8Array }>;
}

/** What follows the header of an empty file: nonce and the tag of its one chunk. */
const EMPTY_PAYLOAD = 32;
const IDENTITY = /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]+$/;

/** @returns null where the variable is not set. @throws FaberError store_unavailable when it holds no key; its value is not told */
export async function keyIn(variable: string, env: NodeJS.ProcessEnv): Promise<BackupKey | null> {
  const text = env[variable]?.trim() ?? '';
  if (text === '') return null;
  // As age-keygen writes it: comments, and the key on a line of its own.
  const identity = text.split(/\s*\n\s*/).find((line) => !line.startsWith('#')) ?? '';
  try {
    if (!IDENTITY.test(identity)) throw new Error('not an identity');
    const recipient = await identityToRecipient(identity);
    const opener = new Decrypter();
    opener.addIdentity(identity);
    const openHeader = (header: Uint8Array) => opener.decryptHeader(header);
    return {
      variable, recipient, openHeader,
      newHeader: async () => {
        const sealer = new Encrypter();
        sealer.addRecipient(recipient);
        const empty = await sealer.encrypt(new Uint8Array(0));
        const header = empty.subarray(0, empty.length - EMPTY_PAYLOAD);
        return { header, fileKey: await openHeader(header) };
      },
    };
  } catch {
    throw new FaberError({
      code: 'store_unavailable',
      message: `The environment variable ${variable} on the worker holds no key for backups`,
      suggestions: ['It must hold one age key, AGE-SECRET-KEY-1…, as age-keygen makes it: restart the worker when it does'],
    });
  }
}

/** The key for new backups. @throws FaberError store_unavailable when it is not set or no key */
export async function currentKey(encryption: NonNullable<Settings['backup']['encryption']>, env: NodeJS.ProcessEnv): Promise<BackupKey> {
  const key = await keyIn(encryption.key_env, env);
  if (key) return key;
  throw new FaberError({
    code: 'store_unavailable',
    message: `Backups are to be encrypted, and ${encryption.key_env} is not set on the worker`,
    suggestions: [`Set ${encryption.key_env} to an age key (age-keygen makes one) and restart the worker`, 'Keep a copy of the key elsewhere: without it no backup can be restored'],
  });
}
