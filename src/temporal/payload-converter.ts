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

class TolerantPayloadConverter implements PayloadConverter {
  toPayload<T>(value: T): Payload {
    return defaultPayloadConverter.toPayload(value);
  }

  fromPayload<T>(payload: Payload): T {
    try {
      return defaultPayloadConverter.fromPayload<T>(payload);
    } catch {
      return { faber_db_undecodable: true, encoding: encodingOf(payload) } satisfies Undecodable as T;
    }
  }
}

export const payloadConverter: PayloadConverter = new TolerantPayloadConverter();
