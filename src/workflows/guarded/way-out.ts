/** The choice of a person after a failure that nothing undoes by itself. State and rules only. */
import type { DecisionFacts } from '../../activities/contract.js';
import { PrincipalWayOut, SignedWayOut, WayOutDecision, type RecordedDecision } from '../../contract/decision.js';
import type { Resolution, Settings } from '../../contract/index.js';
import type { WayOut } from '../../contract/response.js';
import { type Arrival, notListed } from './approval.js';
import { claimedBy, misfit, Refusals, SEND_A_TOKEN, unreadable } from './refusals.js';
import { Unverified, type Waiting } from './unverified.js';

export interface Choice {
  choice: WayOut;
  decision: RecordedDecision;
  resolve: Resolution;
}

export class WayOutChoice {
  readonly refusals = new Refusals();
  readonly made: RecordedDecision[] = [];
  readonly unverified = new Unverified();
  /** When the question was asked (ms since the epoch): what was signed before is about something else. */
  askedAt = 0;
  #offered: readonly WayOut[] = [];
  #planHash = '';
  #next: Choice | null = null;

  constructor(private readonly approval: Settings['approval']) {}

  /** Offers ways out; decisions made before are gone, since they were about another failure. */
  offer(ways: readonly WayOut[], planHash: string): void {
    this.#offered = ways;
    this.#planHash = planHash;
    this.#next = null;
    this.askedAt = Date.now();
  }

  get chosen(): boolean {
    return this.#next !== null;
  }

  take(): Choice {
    const choice = this.#next!;
    this.#next = null;
    this.#offered = [];
    this.made.push(choice.decision);
    for (const { payload } of this.unverified.drain()) this.refusals.add('resolve', payload, `already decided: ${choice.choice} by ${choice.decision.by}`);
    return choice;
  }

  /** Why a choice would not count, or null. */
  problem(payload: unknown): string | null {
    const broken = unreadable(payload);
    if (broken !== null) return broken;
    const { verification } = this.approval;
    if (verification === 'signed' && (payload as { token?: unknown }).token === undefined) return SEND_A_TOKEN.replace('"plan": "<first 8 hex>"', '"choice": "…"').replace('approve ID', 'decide ID CHOICE');
    const shape = { claimed: WayOutDecision, signed: SignedWayOut, principal: PrincipalWayOut }[verification];
    const parsed = shape.safeParse(payload);
    if (!parsed.success) return misfit(parsed.error);
    if (this.#offered.length === 0) return 'nothing waits for such a decision now';
    if (!this.#offered.includes(parsed.data.choice)) return `${parsed.data.choice} is not possible here; possible: ${this.#offered.join(', ')}`;
    if (this.#next !== null) return `already decided: ${this.#next.choice} by ${this.#next.decision.by}`;
    return null;
  }

  /** Records a choice, or hands it over to be verified. Never throws. */
  receive(payload: unknown, arrival: Arrival = {}): void {
    const reason = this.problem(payload);
    if (reason !== null) {
      this.refusals.add('resolve', payload, reason);
      return;
    }
    if (this.approval.verification === 'claimed') {
      this.#record(WayOutDecision.parse(payload), { verification: 'claimed' });
      return;
    }
    const signed = SignedWayOut.safeParse(payload);
    const ask = this.approval.verification === 'signed' ? { decision: signed.data!.choice, token: signed.data!.token } : { signal: arrival.signal! };
    const problem = this.unverified.add({ kind: 'resolve', payload, ask });
    if (problem !== null) this.refusals.add('resolve', payload, problem);
  }

  /** Judges a choice by what was found out about its sender. Never throws. */
  settle(decision: Waiting, facts: DecisionFacts): void {
    const problem = this.unverified.use(decision, facts) ?? this.#problemOf(facts);
    if (problem !== null || !facts.ok) {
      this.refusals.add('resolve', facts.ok ? facts.payload : { by: facts.by ?? claimedBy(decision.payload) }, problem ?? 'not verified');
      return;
    }
    this.#record(WayOutDecision.parse(facts.payload), { verification: facts.verification, ...(facts.key_id === undefined ? {} : { key_id: facts.key_id }) });
  }

  #problemOf(facts: DecisionFacts): string | null {
    if (!facts.ok) return facts.reason;
    const parsed = WayOutDecision.safeParse(facts.payload);
    if (!parsed.success) return misfit(parsed.error);
    if (this.#next !== null) return `already decided: ${this.#next.choice} by ${this.#next.decision.by}`;
    if (!this.#offered.includes(parsed.data.choice)) return `${parsed.data.choice} is not possible here; possible: ${this.#offered.join(', ') || 'nothing'}`;
    // A name that is known counts against the list; one that is only claimed would give no protection.
    return notListed(this.approval, parsed.data.by);
  }

  #record(data: WayOutDecision, how: Pick<RecordedDecision, 'verification' | 'key_id'>): void {
    this.#next = {
      choice: data.choice,
      resolve: data.resolve ?? {},
      decision: {
        decision: data.choice,
        by: data.by,
        ...(data.comment === undefined ? {} : { comment: data.comment }),
        at: new Date().toISOString(),
        ...how,
        plan: this.#planHash,
      },
    };
  }
}
