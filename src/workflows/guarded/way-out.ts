/** The choice of a person after a failure that nothing undoes by itself. State and rules only. */
import { WayOutDecision, type RecordedDecision } from '../../contract/decision.js';
import type { Resolution } from '../../contract/index.js';
import type { WayOut } from '../../contract/response.js';
import { Refusals, unreadable } from './refusals.js';

export interface Choice {
  choice: WayOut;
  decision: RecordedDecision;
  resolve: Resolution;
}

export class WayOutChoice {
  readonly refusals = new Refusals();
  readonly made: RecordedDecision[] = [];
  #offered: readonly WayOut[] = [];
  #planHash = '';
  #next: Choice | null = null;

  /** Offers ways out; decisions made before are gone, since they were about another failure. */
  offer(ways: readonly WayOut[], planHash: string): void {
    this.#offered = ways;
    this.#planHash = planHash;
    this.#next = null;
  }

  get chosen(): boolean {
    return this.#next !== null;
  }

  take(): Choice {
    const choice = this.#next!;
    this.#next = null;
    this.#offered = [];
    this.made.push(choice.decision);
    return choice;
  }

  /** Why a choice would not count, or null. */
  problem(payload: unknown): string | null {
    const broken = unreadable(payload);
    if (broken !== null) return broken;
    const parsed = WayOutDecision.safeParse(payload);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return `the payload does not fit: ${issue?.path.join('.') || 'payload'} ${issue?.message ?? ''}`.trim();
    }
    if (this.#offered.length === 0) return 'nothing waits for such a decision now';
    if (!this.#offered.includes(parsed.data.choice)) return `${parsed.data.choice} is not possible here; possible: ${this.#offered.join(', ')}`;
    if (this.#next !== null) return `already decided: ${this.#next.choice} by ${this.#next.decision.by}`;
    return null;
  }

  /** Records a choice. Never throws. */
  receive(payload: unknown): void {
    const reason = this.problem(payload);
    if (reason !== null) {
      this.refusals.add('resolve', payload, reason);
      return;
    }
    const data = WayOutDecision.parse(payload);
    this.#next = {
      choice: data.choice,
      resolve: data.resolve ?? {},
      decision: {
        decision: data.choice,
        by: data.by,
        ...(data.comment === undefined ? {} : { comment: data.comment }),
        at: new Date().toISOString(),
        verification: 'claimed',
        plan: this.#planHash,
      },
    };
  }
}
