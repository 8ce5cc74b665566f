/**
 * Writes an object of any size in constant memory, part by part. Not by the SDK's own uploader: when a part fails for good it goes on
 * reading until the end, and an aborted one returns while parts are still on their way, so that the upload stays behind.
 */
import { createHash } from 'node:crypto';
import { AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import type { Pieces } from '../../contract.js';
import { type Objects, writing } from './objects.js';

const MIB = 2 ** 20;
/** S3 takes parts from 5 MiB on, and ten thousand of them. */
const SMALLEST_PART = 8 * MIB;
const MOST_PARTS = 10_000;
/** Where it is not known how much comes: 312 GiB at most. */
const UNKNOWN_PART = 32 * MIB;
/** Bytes on their way at once. */
const IN_FLIGHT = 64 * MIB;

/** A dump may be larger than its database (numbers and bytes as text), packed it is a quarter: twice is room enough. */
export function partSize(expectedBytes: number | null): number {
  if (expectedBytes === null) return UNKNOWN_PART;
  return Math.max(SMALLEST_PART, Math.ceil((expectedBytes * 2) / MOST_PARTS / MIB) * MIB);
}

/**
 * @returns size and sha256 of what was written. On an error nothing is left: no object, no unfinished upload.
 * @throws what `give` threw, unchanged; FaberError store_unavailable; the reason of the signal
 */
export async function upload(objects: Objects, key: string, options: { signal: AbortSignal; expectedBytes: number | null }, give: Pieces): Promise<{ bytes: number; sha256: string }> {
  const parts = new Parts(objects, key, options.signal, partSize(options.expectedBytes));
  try {
    await give((piece) => parts.take(piece));
    options.signal.throwIfAborted();
    return await parts.complete();
  } catch (error) {
    await parts.abort();
    throw error;
  }
}

class Parts {
  readonly #hash = createHash('sha256');
  readonly #etags: string[] = [];
  readonly #onTheirWay = new Set<Promise<void>>();
  /** Used again by later parts. */
  readonly #buffers: Buffer[] = [];
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  #failed: { error: unknown } | null = null;
  #upload: string | null = null;
  #buffer: Buffer;
  #filled = 0;
  #bytes = 0;

  constructor(private readonly objects: Objects, private readonly key: string, signal: AbortSignal, private readonly size: number) {
    this.#signal = AbortSignal.any([signal, this.#ended.signal]);
    this.#buffer = this.#newBuffer();
  }

  async take(piece: Uint8Array): Promise<void> {
    this.#hash.update(piece);
    this.#bytes += piece.length;
    for (let at = 0; at < piece.length; ) {
      // Only with more to come: the last part is sent by complete().
      if (this.#filled === this.size) await this.#send();
      const taken = Math.min(piece.length - at, this.size - this.#filled);
      this.#buffer.set(piece.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
    }
    this.#throwIfFailed();
  }

  async complete(): Promise<{ bytes: number; sha256: string }> {
    const { place } = this.objects;
    const result = { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
    if (this.#upload === null) {
      const Body = this.#buffer.subarray(0, this.#filled);
      await this.#call('write a file', 'PutObject', () => place.client.send(new PutObjectCommand({ ...this.objects.at(this.key), ...writing(place), ...this.#storageClass(), Body }), { abortSignal: this.#signal }));
      return result;
    }
    await this.#send();
    await Promise.all(this.#onTheirWay);
    this.#throwIfFailed();
    const Parts = this.#etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
    const command = new CompleteMultipartUploadCommand({ ...this.objects.at(this.key), UploadId: this.#upload, MultipartUpload: { Parts } });
    await this.#call('complete an upload', 'CompleteMultipartUpload', async () => place.client.send(command, { abortSignal: this.#signal }));
    this.#upload = null;
    return result;
  }

  /** Parts on their way are awaited: one that arrived after the abort would stay, and cost, without anybody seeing it. */
  async abort(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#onTheirWay);
    if (this.#upload === null) return;
    const command = new AbortMultipartUploadCommand({ ...this.objects.at(this.key), UploadId: this.#upload });
    // A store that went away cannot be tidied; retention sweeps what is left.
    await this.objects.place.client.send(command).catch(() => undefined);
  }

  async #send(): Promise<void> {
    const PartNumber = this.#etags.length + 1;
    this.#etags.push('');
    const [buffer, length] = [this.#buffer, this.#filled];
    this.#upload ??= await this.#create();
    const command = new UploadPartCommand({ ...this.objects.at(this.key), UploadId: this.#upload, PartNumber, Body: buffer.subarray(0, length) });
    const sending: Promise<void> = this.#call('write a part of a file', 'UploadPart', () => this.objects.place.client.send(command, { abortSignal: this.#signal })).then(
      ({ ETag }) => void (this.#etags[PartNumber - 1] = ETag!),
      (error: unknown) => {
        this.#failed ??= { error };
        // The others would only keep the error waiting.
        this.#ended.abort(error);
      },
    ).finally(() => {
      this.#buffers.push(buffer);
      this.#onTheirWay.delete(sending);
    });
    this.#onTheirWay.add(sending);
    while (this.#onTheirWay.size >= Math.max(1, Math.floor(IN_FLIGHT / this.size))) await Promise.race(this.#onTheirWay);
    this.#throwIfFailed();
    this.#buffer = this.#buffers.pop() ?? this.#newBuffer();
    this.#filled = 0;
  }

  async #create(): Promise<string> {
    const { place } = this.objects;
    const command = new CreateMultipartUploadCommand({ ...this.objects.at(this.key), ...writing(place), ...this.#storageClass() });
    return (await this.#call('begin an upload', 'CreateMultipartUpload', () => place.client.send(command, { abortSignal: this.#signal }))).UploadId!;
  }

  /** Only of what is large: classes for what is seldom read charge small objects as large ones. */
  #storageClass(): { StorageClass?: 'STANDARD_IA' | 'GLACIER_IR' | 'INTELLIGENT_TIERING' | 'ONEZONE_IA' } {
    const { storage_class } = this.objects.place.settings;
    return storage_class === null || !this.key.includes('/dump.') ? {} : { StorageClass: storage_class };
  }

  #call<T>(doing: string, call: Parameters<Objects['guarded']>[1], work: () => Promise<T>): Promise<T> {
    return this.objects.guarded(doing, call, work, this.#signal);
  }

  #newBuffer(): Buffer {
    return Buffer.allocUnsafeSlow(this.size);
  }

  #throwIfFailed(): void {
    if (this.#failed !== null) throw this.#failed.error;
  }
}
