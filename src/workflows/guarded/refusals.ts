/** Decisions that did not count. The last few are kept in full and the rest counted, so that a flood of signals stays small. */
import type { RefusedDecision } from '../../contract/index.js';
import { isUndecodable } from '../../temporal/payload-converter.js';

const KEPT = 5;
const SHOWN_LENGTH = 120;

export class Refusals {
  last: RefusedDecision[] = [];
  count = 0;

  add(decision: string, payload: unknown, reason: string): void {
    this.count += 1;
    this.last.push({ decision, by: claimedBy(payload), reason, at: new Date().toISOString() });
    if (this.last.length > KEPT) this.last.shift();
  }
}

/** Who a payload says it is from, whatever shape it has. */
export function claimedBy(payload: unknown): string | null {
  if (typeof payload !== 'object' || payload === null) return null;
  const by = (payload as { by?: unknown }).by;
  return typeof by === 'string' ? by.slice(0, SHOWN_LENGTH) : null;
}

export const SEND_A_TOKEN =
  'decisions are signed here, and this one has no token: send {"plan": "<first 8 hex>", "token": "<JWT>"}, as faber-db approve ID --sign KEY does';

/** Why a payload that can be read is none of the expected shape. */
export function misfit(error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] }): string {
  const issue = error.issues[0];
  return `the payload does not fit: ${issue?.path.join('.') || 'payload'} ${issue?.message ?? ''}`.trim();
}

/** Why a payload cannot even be read, or null. */
export function unreadable(payload: unknown): string | null {
  if (payload === undefined || payload === null) return 'the signal had no payload; send {"plan": "<first 8 hex>", "by": "you"} as json/plain';
  if (isUndecodable(payload)) return `the payload could not be decoded (encoding ${payload.encoding}); send it as json/plain`;
  if (typeof payload !== 'object' || Array.isArray(payload)) return 'the payload must be a JSON object';
  return null;
}
