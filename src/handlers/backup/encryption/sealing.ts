/** Encryption of the files of backups, between who writes or reads them and the store that keeps them. */
import { randomBytes } from 'node:crypto';
import type { BackupRecord } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';
import type { Pieces, StoredFacts, Take } from '../contract.js';
import { unusable } from '../unusable.js';
import { type BackupKey, currentKey, keyIn } from './keys.js';
import { NONCE, NotAuthentic, openingStream, sealingStream, type Through } from './stream.js';

const SUFFIX = '.age';
/** Ours has some 200 bytes; age allows many recipients. */
const LONGEST_HEADER = 64 * 1024;

/** What the config says of encryption, and the variables that hold the keys. Without it files go through as they are. */
export class Sealing {
  /** Out of reach of whoever prints a store. */
  readonly #env: NodeJS.ProcessEnv;

  constructor(private readonly encryption: Settings['backup']['encryption'], env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** @throws FaberError store_unavailable when new backups are to be encrypted and their key is not there */
  async requireKey(): Promise<void> {
    if (this.encryption) await currentKey(this.encryption, this.#env);
  }

  /** @param write writes what it is given, under the name that it is given */
  async write(name: string, give: Pieces, write: (name: string, give: Pieces) => Promise<StoredFacts>): Promise<StoredFacts> {
    if (!this.encryption) return write(name, give);
    const key = await currentKey(this.encryption, this.#env);
    const { header, fileKey } = await key.newHeader();
    const facts = await write(`${name}${SUFFIX}`, async (take) => {
      const nonce = randomBytes(NONCE);
      await take(Buffer.concat([header, nonce]));
      const sealed = sealingStream(fileKey, nonce, take);
      await give(sealed.take);
      await sealed.end();
    });
    return { ...facts, encryption: { format: 'age', recipient: key.recipient, key_env: key.variable } };
  }

  /** @param read gives what is kept under the name that it is given */
  async read(record: BackupRecord, name: string, take: Take, read: (name: string, take: Take) => Promise<void>): Promise<void> {
    if (!record.encryption) return read(name, take);
    const key = await this.#keyOf(record, record.encryption);
    const opened = opening(key, take);
    try {
      await read(name.endsWith(SUFFIX) ? name : `${name}${SUFFIX}`, opened.take);
      await opened.end();
    } catch (error) {
      if (error instanceof NotAuthentic) throw unusable(record, `${name === record.file ? 'its dump' : `its ${name}`} is damaged: it does not decrypt with the key that it was encrypted for`);
      throw error;
    }
  }

  /** The shell command after `read`, for people without faber-db who have the key in the same variable. */
  shell(read: string, file: string): { before: string[]; read: string } {
    if (!this.encryption || !file.endsWith(SUFFIX)) return { before: [], read };
    const variable = this.encryption.key_env;
    return {
      before: [`: "\${${variable}:?must hold the age key of this backup, and be exported}"`],
      // The key comes by a pipe: in a file or an argument others could read it.
      read: `${read} | { exec 3<&0; printenv ${variable} | age --decrypt --identity - /dev/fd/3; }`,
    };
  }

  async #keyOf(record: BackupRecord, { recipient, key_env }: NonNullable<BackupRecord['encryption']>): Promise<BackupKey> {
    const variables = this.encryption ? [this.encryption.key_env, ...this.encryption.old_key_envs] : [];
    const found = await Promise.all(variables.map((variable) => keyIn(variable, this.#env).catch(() => null)));
    const key = found.find((one) => one?.recipient === recipient);
    if (key) return key;
    const named = variables.map((variable, at) => `${variable} ${found[at] ? 'holds another key' : 'is NOT SET or holds no key'}`);
    throw new FaberError({
      code: 'store_unavailable',
      message: `Backup ${record.backup_id} is encrypted for ${recipient}, and its key is not on the worker. Nothing was changed`,
      result: { backup_id: record.backup_id, recipient, key_env: key_env },
      suggestions: [
        `The key was in ${key_env} when the backup was taken: set a variable to it on the worker, name that in backup.encryption.key_env or backup.encryption.old_key_envs, and restart the worker`,
        ...(named.length > 0 ? [`Now: ${named.join(', ')}`] : []),
      ],
    });
  }
}

/** Header, nonce, and then chunks. */
function opening(key: BackupKey, to: Take): Through {
  let head = Buffer.alloc(0);
  let body: Through | null = null;
  return {
    take: async (piece) => {
      if (body) return body.take(piece);
      head = Buffer.concat([head, piece]);
      const end = headerEnd(head);
      if (end === null || head.length < end + NONCE) {
        if (head.length > LONGEST_HEADER) throw new NotAuthentic('No header of age');
        return;
      }
      const fileKey = await key.openHeader(head.subarray(0, end)).catch((error: unknown) => {
        throw new NotAuthentic('The header does not open', { cause: error });
      });
      body = openingStream(fileKey, head.subarray(end, end + NONCE), to);
      await body.take(head.subarray(end + NONCE));
    },
    end: async () => {
      if (!body) throw new NotAuthentic('Cut off in its header');
      await body.end();
    },
  };
}

/** Where the header ends: after the line of its MAC. */
function headerEnd(head: Buffer): number | null {
  const mac = head.indexOf('\n--- ');
  const line = mac < 0 ? -1 : head.indexOf('\n', mac + 1);
  return line < 0 ? null : line + 1;
}
