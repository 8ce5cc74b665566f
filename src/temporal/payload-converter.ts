/**
 * A payload converter that never throws while decoding.
 *
 * With the stock converter one signal in an encoding it does not know (`json/protobuf`, which the Web UI offers;
 * `binary/encrypted` without a codec; broken JSON) fails every workflow task from then on: the workflow is wedged
 * (temporalio/sdk-typescript#1174). Here such a payload becomes a marked value that every schema refuses, so the
 * operation records a refused decision and goes on. It also frees a run that is stuck already.
 */
import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';

/** What an unreadable payload decodes to. */
export interface Undecodable {
  faber_db_undecodable: true;
  encoding: string;
}

export function isUndecodable(value: unknown): value is Undecodable {
  return typeof value === 'object' && value !== null && (value as Partial<Undecodable>).faber_db_undecodable === true;
}

function encodingOf(payload: Payload): string {
  const bytes = payload.metadata?.['encoding'];
  // Only what an encoding may look like: the name is shown to people.
  return bytes ? String.fromCharCode(...bytes.slice(0, 60)).replace(/[^\w/.+-]/g, '?') : 'none';
}

/** Ours are 20 deep at most. What is decoded may be encoded again (for an activity), and JSON.stringify overflows the stack. */
const MOST_LEVELS = 500;

function isTooDeep({ data }: Payload): boolean {
  if (!data || data.length <= MOST_LEVELS) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < data.length; i += 1) {
    const c = data[i];
    if (inString) {
      if (c === 0x5c) i += 1;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x7b || c === 0x5b) {
      if ((depth += 1) > MOST_LEVELS) return true;
    } else if (c === 0x7d || c === 0x5d) depth -= 1;
  }
  return false;
}

class TolerantPayloadConverter implements PayloadConverter {
  toPayload<T>(value: T): Payload {
    return defaultPayloadConverter.toPayload(value);
  }

  fromPayload<T>(payload: Payload): T {
    const encoding = encodingOf(payload);
    try {
      if (encoding !== 'json/plain' || !isTooDeep(payload)) return defaultPayloadConverter.fromPayload<T>(payload);
    } catch {
      // Marked, below.
    }
    return { faber_db_undecodable: true, encoding } satisfies Undecodable as T;
  }
}

export const payloadConverter: PayloadConverter = new TolerantPayloadConverter();
