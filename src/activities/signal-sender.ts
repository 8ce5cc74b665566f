/**
 * Who sent a signal: the principal that the server stamped on its event (server 1.31 or newer, with an authorizer and
 * `frontend.enablePrincipalPropagation`). The `identity` beside it is whatever a client says and counts for nothing.
 */
import { payloadConverter } from '../temporal/payload-converter.js';
import type { DecisionFacts, UnverifiedDecision } from './contract.js';
import type { HistoryEvent, SignalHistory } from './signal-history.js';

type SignalRef = Extract<UnverifiedDecision, { signal: unknown }>['signal'];

const MOST_NAME = 200;

/** The decision of one signal, by whom the server authenticated. The payload is read from the event too: both belong together. */
export async function principalFacts(history: SignalHistory, { workflow_id, name, nth }: SignalRef): Promise<DecisionFacts> {
  const event = await history.nth(name, nth);
  if (event === null) return { ok: false, by: null, reason: 'the signal is not in the history', again: true };
  const by = principalOf(event);
  if (by === null) {
    return { ok: false, by: null, reason: 'the server does not say who sent it (no principal): it needs Temporal 1.31 or newer with an authorizer and frontend.enablePrincipalPropagation' };
  }
  const payload = event.workflowExecutionSignaledEventAttributes?.input?.payloads?.[0];
  const decoded: unknown = payload ? payloadConverter.fromPayload(payload) : undefined;
  const start = await history.first();
  const requester = start === null ? null : principalOf(start);
  return {
    ok: true,
    payload: typeof decoded === 'object' && decoded !== null ? { ...decoded, by } : { by },
    verification: 'principal',
    once: JSON.stringify([workflow_id, name, nth]),
    ...(requester === null ? {} : { requester }),
  };
}

function principalOf(event: HistoryEvent): string | null {
  const name = event.principal?.name?.trim();
  return name ? name.slice(0, MOST_NAME) : null;
}
