/**
 * Decisions whose sender is not verified yet. State and rules only. Verifying costs history, and anybody who may send signals
 * can send many: what is verified is bounded, and what was judged once is not judged again.
 */
import type { DecisionFacts, UnverifiedDecision } from '../../activities/contract.js';

/** Far more than people send; a batch is one activity of a handful of events. */
const MOST_VERIFIED = 200;
const BATCH = 20;

export interface Waiting {
  kind: string;
  payload: unknown;
  ask: UnverifiedDecision;
  /** Told the reason why it does not count, or null. */
  settled?: (problem: string | null) => void;
}

export class Unverified {
  #waiting: Waiting[] = [];
  readonly #seen = new Set<string>();
  readonly #used = new Set<string>();
  #taken = 0;

  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Why a decision would not be verified, or null. */
  problem(ask: UnverifiedDecision): string | null {
    if (this.#seen.has(nameOf(ask))) return 'this decision was sent already';
    return this.#seen.size >= MOST_VERIFIED ? `more than ${MOST_VERIFIED} decisions were sent; cancel the operation and start it again` : null;
  }

  /** @returns why it is not taken, or null */
  add(decision: Waiting): string | null {
    const problem = this.problem(decision.ask);
    if (problem === null) {
      this.#seen.add(nameOf(decision.ask));
      this.#waiting.push(decision);
    }
    return problem;
  }

  take(): Waiting[] {
    const batch = this.#waiting.splice(0, BATCH);
    this.#taken += batch.length;
    return batch;
  }

  drain(): Waiting[] {
    return this.#waiting.splice(0);
  }

  /** A verified decision counts once, in whatever form it comes. @returns why it does not, or null */
  use({ ask }: Waiting, facts: DecisionFacts): string | null {
    if (!facts.ok) {
      // Nothing was found out about it; the bound holds nevertheless.
      if (facts.again && this.#taken < MOST_VERIFIED) this.#seen.delete(nameOf(ask));
      return facts.reason;
    }
    if (this.#used.has(facts.once)) return 'this token was used already (jti)';
    this.#used.add(facts.once);
    return null;
  }
}

const nameOf = (ask: UnverifiedDecision): string => ('token' in ask ? ask.token : `${ask.signal.workflow_id} ${ask.signal.name} ${ask.signal.nth}`);
