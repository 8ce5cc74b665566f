/** The calls that a store makes of S3, each with its errors told. Keys are relative to the store. */
import {
  CopyObjectCommand, DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, type ListObjectsV2CommandOutput, PutObjectCommand,
} from '@aws-sdk/client-s3';
import { type Call, statusOf, storeFailure } from './failure.js';
import { ifMissing } from './missing.js';
import type { S3Place } from './place.js';

/** Objects asked for at once. */
const AT_ONCE = 16;

export interface StoredObject {
  key: string;
  bytes: number;
  /** Milliseconds since 1970. */
  changed_at: number;
}

/** Server-side encryption and storage class: on every object that is written. */
export function writing({ settings }: S3Place): { ServerSideEncryption?: 'AES256' | 'aws:kms'; SSEKMSKeyId?: string } {
  return {
    ...(settings.encryption !== null && { ServerSideEncryption: settings.encryption }),
    ...(settings.kms_key_id !== null && { SSEKMSKeyId: settings.kms_key_id }),
  };
}

export class Objects {
  constructor(readonly place: S3Place) {}

  /** A key of the store, as S3 has it. */
  key(relative: string): string {
    return this.place.prefix === '' ? relative : `${this.place.prefix}/${relative}`;
  }

  at(relative: string): { Bucket: string; Key: string } {
    return { Bucket: this.place.bucket, Key: this.key(relative) };
  }

  /** One small object, or null. */
  get(key: string): Promise<Uint8Array | null> {
    return this.guarded('read', 'GetObject', async () => {
      const answer = await this.place.client.send(new GetObjectCommand(this.at(key))).catch(ifMissing);
      return answer === null ? null : answer.Body!.transformToByteArray();
    });
  }

  async getText(key: string): Promise<string | null> {
    const bytes = await this.get(key);
    return bytes === null ? null : Buffer.from(bytes).toString('utf8');
  }

  /** Its size, or null. */
  size(key: string): Promise<number | null> {
    return this.guarded('look', 'HeadObject', async () => (await this.place.client.send(new HeadObjectCommand(this.at(key))).catch(ifMissing))?.ContentLength ?? null);
  }

  /** Writes a small object whole. */
  put(key: string, bytes: Uint8Array | string): Promise<void> {
    return this.guarded('write', 'PutObject', async () => {
      await this.place.client.send(new PutObjectCommand({ ...this.at(key), ...writing(this.place), Body: bytes }));
    });
  }

  /** @returns false where it is there already: of two writers exactly one wins. */
  create(key: string, bytes: string): Promise<boolean> {
    return this.guarded('write', 'PutObject', async () => {
      try {
        await this.place.client.send(new PutObjectCommand({ ...this.at(key), ...writing(this.place), Body: bytes, IfNoneMatch: '*' }));
        return true;
      } catch (error) {
        // 409: another write of it is under way at this moment.
        if (statusOf(error) === 412 || statusOf(error) === 409) return false;
        throw error;
      }
    });
  }

  copy(from: string, to: string): Promise<void> {
    return this.guarded('copy', 'CopyObject', async () => {
      const source = `${this.place.bucket}/${this.key(from).split('/').map(encodeURIComponent).join('/')}`;
      await this.place.client.send(new CopyObjectCommand({ ...this.at(to), ...writing(this.place), CopySource: source }));
    });
  }

  /** One that is not there is no error. */
  delete(key: string): Promise<void> {
    return this.guarded('remove', 'DeleteObject', async () => void (await this.place.client.send(new DeleteObjectCommand(this.at(key)))));
  }

  deleteAll(keys: readonly string[]): Promise<void> {
    return atOnce(keys, (key) => this.delete(key)).then(() => undefined);
  }

  /** Whether there is any object of the store but this one. */
  async holdsMoreThan(key: string): Promise<boolean> {
    const command = new ListObjectsV2Command({ Bucket: this.place.bucket, Prefix: this.key(''), MaxKeys: 2 });
    const { Contents = [] } = await this.guarded('list', 'ListObjectsV2', () => this.place.client.send(command));
    return Contents.some(({ Key }) => Key !== this.key(key));
  }

  /** All objects below, page by page. */
  async list(prefix: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    const own = this.key('').length;
    for (let token: string | undefined; ; ) {
      const page: ListObjectsV2CommandOutput = await this.guarded('list', 'ListObjectsV2', () =>
        this.place.client.send(new ListObjectsV2Command({ Bucket: this.place.bucket, Prefix: this.key(prefix), ...(token !== undefined && { ContinuationToken: token }) })));
      for (const { Key, Size, LastModified } of page.Contents ?? []) found.push({ key: Key!.slice(own), bytes: Size ?? 0, changed_at: LastModified?.getTime() ?? Date.now() });
      if (!page.IsTruncated || page.NextContinuationToken === undefined) return found;
      token = page.NextContinuationToken;
    }
  }

  async guarded<T>(doing: string, call: Call, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw storeFailure(doing, this.place, call, error, signal);
    }
  }
}

/** In order of the input, so many at a time. */
export async function atOnce<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < all.length; from += AT_ONCE) results.push(...(await Promise.all(all.slice(from, from + AT_ONCE).map(work))));
  return results;
}
