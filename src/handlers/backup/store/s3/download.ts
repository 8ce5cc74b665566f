/** Reads an object of any size in constant memory. A connection that breaks is taken up again where it broke. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { Take } from '../../contract.js';
import { ifMissing } from './missing.js';
import type { Objects } from './objects.js';

/** Attempts without a byte in between. */
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 200;

/**
 * @returns false when there is no such object
 * @throws what `take` threw, unchanged; FaberError store_unavailable; the reason of the signal
 */
export async function download(objects: Objects, key: string, take: Take, signal: AbortSignal): Promise<boolean> {
  let at = 0;
  let etag: string | undefined;
  for (let failures = 0; ; ) {
    signal.throwIfAborted();
    const from = at;
    // What was read belongs to this version of the object; another one is another dump.
    const command = new GetObjectCommand({ ...objects.at(key), ...(at > 0 && { Range: `bytes=${at}-` }), ...(etag !== undefined && { IfMatch: etag }) });
    const answer = await objects.guarded('read a file', 'GetObject', () => objects.place.client.send(command, { abortSignal: signal }).catch(ifMissing), signal);
    if (answer === null) return false;
    etag ??= answer.ETag;
    const body = answer.Body as Readable;
    const taking = { failed: false };
    const onAbort = () => void body.destroy();
    signal.addEventListener('abort', onAbort);
    try {
      for await (const piece of body as AsyncIterable<Buffer>) {
        taking.failed = true;
        await take(piece);
        taking.failed = false;
        at += piece.length;
      }
      if (at === from + (answer.ContentLength ?? at - from)) return true;
      throw Object.assign(new Error('The answer was cut off'), { code: 'ECONNRESET' });
    } catch (error) {
      if (taking.failed || signal.aborted) throw signal.aborted ? signal.reason : error;
      failures = at > from ? 1 : failures + 1;
      await objects.guarded('read a file', 'GetObject', () => (failures >= ATTEMPTS ? Promise.reject(error as Error) : sleep(FIRST_PAUSE_MS * 2 ** failures, undefined, { signal })), signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
