/** The wait for a decision, verifying meanwhile what comes. */
import { condition, isCancellation } from '@temporalio/workflow';
import type { DecisionFacts, UnverifiedDecision, VerifyDecisionsInput } from '../../activities/contract.js';
import type { Unverified, Waiting } from './unverified.js';
import { factsOf, type Steps } from './steps.js';

/** Where decisions are kept until they are verified, and judged then. */
export interface Desk {
  readonly unverified: Unverified;
  settle(decision: Waiting, facts: DecisionFacts): void;
}

export type Verify = (decisions: UnverifiedDecision[]) => Promise<DecisionFacts[]>;

export function verifyBy(steps: Steps, about: Omit<VerifyDecisionsInput, 'decisions'>): Verify {
  return (decisions) => steps.reading.verifyDecisions({ ...about, decisions });
}

/**
 * @param timeoutMs a decision that came in time may be verified after it
 * @returns whether it was decided in time
 */
export async function decidedBy(desk: Desk, decided: () => boolean, verify: Verify, timeoutMs?: number): Promise<boolean> {
  const end = timeoutMs === undefined ? null : Date.now() + timeoutMs;
  const woken = () => decided() || desk.unverified.waiting;
  for (;;) {
    if (end === null) await condition(woken);
    else if (end > Date.now() ? !(await condition(woken, end - Date.now())) : !woken()) return false;
    if (decided()) return true;
    await verifyWaiting(desk, verify);
    if (decided()) return true;
  }
}

async function verifyWaiting(desk: Desk, verify: Verify): Promise<void> {
  const batch = desk.unverified.take();
  let facts: DecisionFacts[];
  try {
    facts = await verify(batch.map(({ ask }) => ask));
  } catch (error) {
    const cancelled = isCancellation(error);
    const reason = cancelled ? 'the operation was cancelled' : `it could not be verified: ${factsOf(error).message}`;
    for (const decision of batch) desk.settle(decision, { ok: false, by: null, reason, again: true });
    if (cancelled) throw error;
    return;
  }
  batch.forEach((decision, at) => desk.settle(decision, facts[at] ?? { ok: false, by: null, reason: 'it could not be verified', again: true }));
}
