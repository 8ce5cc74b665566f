/**
 * Whether a plan is approved. State and rules only: the workflow wires the signals and does the waiting.
 * A decision that comes before the plan is kept and judged when the plan is there. Where approvers are verified, a decision
 * that fits the plan is first handed over to be verified (unverified.ts) and judged by what is known then.
 */
import type { DecisionFacts } from '../../activities/contract.js';
import { PrincipalVerdict, REQUESTER_MAY_NOT_APPROVE, SignedVerdict, Verdict, type RecordedDecision } from '../../contract/decision.js';
import type { PlanSummary, Resolution, Settings } from '../../contract/index.js';
import { matchesPattern, sameName } from '../../contract/pattern.js';
import { claimedBy, misfit, Refusals, SEND_A_TOKEN, unreadable } from './refusals.js';
import { Unverified, type Waiting } from './unverified.js';

type Kind = 'approve' | 'reject';
type Judgement = { ok: true; verdict: Verdict } | { ok: false; reason: string };

/** How a decision came. */
export interface Arrival {
  /** A signal's place in this workflow's history, counted by its name from 1; absent: an update, which carries no sender. */
  signal?: { workflow_id: string; run_id: string; name: string; nth: number };
  /** Told the reason why it does not count, or null, as soon as that is known. */
  settled?: (problem: string | null) => void;
}

/** Early decisions kept; more than that before a plan exists is a flood. */
const KEPT_EARLY = 50;
export const SEND_A_SIGNAL = 'who decides is known by the principal of a signal here, and an update has none: send the signal';

interface Rules {
  plan: PlanSummary;
  settings: Settings['approval'];
  requestedBy: string;
}

interface Early {
  kind: Kind;
  payload: unknown;
  arrival: Arrival;
}

export class Approval {
  readonly refusals = new Refusals();
  /** Across plans: what was judged for one must not count again for the next. */
  readonly unverified = new Unverified();
  approvals: RecordedDecision[] = [];
  rejection: RecordedDecision | null = null;
  /** How failed rows of another runner are settled, by the approving decisions. */
  resolve: Resolution = {};
  #early: Early[] = [];
  #waits = false;
  #rules: Rules | null = null;
  #closed: string | null = null;

  /** Opens the wait for one plan. Earlier approvals count only for the plan they named. */
  open(rules: Rules): void {
    this.#rules = rules;
    this.#closed = null;
    this.#waits = true;
    this.approvals = [];
    this.rejection = null;
    this.resolve = {};
    const early = this.#early;
    this.#early = [];
    for (const { kind, payload, arrival } of early) this.receive(kind, payload, arrival);
  }

  /** The wait is over: what is not verified by now does not count any more. */
  stop(reason: string): void {
    this.#waits = false;
    for (const decision of this.unverified.drain()) this.#refuse(decision.kind, decision.payload, reason, decision.settled);
  }

  /** From now on every decision is refused with this reason. */
  close(reason: string): void {
    this.#closed = reason;
    for (const { kind, payload, arrival } of this.#early) this.#refuse(kind, payload, reason, arrival.settled);
    this.#early = [];
    this.stop(reason);
  }

  get approved(): boolean {
    return this.#rules !== null && this.rejection === null && this.approvals.length >= this.#rules.settings.minimum_approvals;
  }

  get decided(): boolean {
    return this.approved || this.rejection !== null;
  }

  /** Records a decision, or hands it over to be verified. Never throws. */
  receive(kind: Kind, payload: unknown, arrival: Arrival = {}): void {
    if (this.#rules === null && this.#closed === null) {
      const reason = unreadable(payload);
      if (reason !== null) this.#refuse(kind, payload, reason, arrival.settled);
      else if (this.#early.length >= KEPT_EARLY) this.#refuse(kind, payload, 'too many decisions before the plan was made', arrival.settled);
      else this.#early.push({ kind, payload, arrival });
      return;
    }
    const judged = this.judge(kind, payload, arrival);
    if (!judged.ok) {
      this.#refuse(kind, payload, judged.reason, arrival.settled);
      return;
    }
    if (this.#verification === 'claimed') {
      this.#count(kind, judged.verdict, { verification: 'claimed' });
      arrival.settled?.(null);
      return;
    }
    const ask = this.#verification === 'signed' ? { decision: kind, token: SignedVerdict.parse(payload).token } : { signal: arrival.signal! };
    const problem = this.unverified.add({ kind, payload, ask, ...(arrival.settled ? { settled: arrival.settled } : {}) });
    if (problem !== null) this.#refuse(kind, payload, problem, arrival.settled);
  }

  /** Judges a decision by what was found out about its sender. Never throws. */
  settle(decision: Waiting, facts: DecisionFacts): void {
    const kind = decision.kind as Kind;
    const problem = this.unverified.use(decision, facts);
    const judged: Judgement = problem !== null ? { ok: false, reason: problem } : this.#judgeFacts(kind, facts);
    if (judged.ok && facts.ok) {
      this.#count(kind, judged.verdict, { verification: facts.verification, ...(facts.key_id === undefined ? {} : { key_id: facts.key_id }) });
      decision.settled?.(null);
    } else if (!judged.ok) this.#refuse(kind, facts.ok ? facts.payload : { by: facts.by ?? claimedBy(decision.payload) }, judged.reason, decision.settled);
  }

  get #verification(): Settings['approval']['verification'] {
    return this.#rules?.settings.verification ?? 'claimed';
  }

  #refuse(kind: string, payload: unknown, reason: string, settled?: (problem: string) => void): void {
    this.refusals.add(kind, payload, reason);
    settled?.(reason);
  }

  #count(kind: Kind, verdict: Verdict, how: Pick<RecordedDecision, 'verification' | 'key_id'>): void {
    const decision: RecordedDecision = {
      decision: kind,
      by: verdict.by,
      ...(verdict.comment === undefined ? {} : { comment: verdict.comment }),
      at: new Date().toISOString(),
      ...how,
      plan: this.#rules!.plan.plan_hash,
    };
    if (kind === 'reject') this.rejection = decision;
    else {
      this.approvals.push(decision);
      for (const name of this.#rules!.plan.resolve) {
        const as = verdict.resolve?.[name];
        if (as !== undefined) this.resolve[name] = as;
      }
    }
  }

  /**
   * Whether a decision would count, and if not, why; where approvers are verified, whether it is worth verifying. Changes
   * nothing: the update's validator uses it too.
   */
  judge(kind: Kind, payload: unknown, arrival: Arrival = {}): Judgement {
    const refuse = (reason: string): Judgement => ({ ok: false, reason });
    const broken = unreadable(payload);
    if (broken !== null) return refuse(broken);
    if (this.#closed !== null) return refuse(this.#closed);
    if (this.#verification !== 'claimed') return this.#judgeUnverified(payload, arrival);
    const parsed = Verdict.safeParse(payload);
    // Before the plan is made it is not known whether decisions are signed.
    const early = this.#rules === null ? SignedVerdict.safeParse(payload) : null;
    if (early?.success) return { ok: true, verdict: { plan: early.data.plan, by: claimedBy(payload) ?? '' } };
    if (!parsed.success) return refuse(misfit(parsed.error));
    return this.#rules === null ? { ok: true, verdict: parsed.data } : this.#fits(kind, parsed.data, this.#rules);
  }

  #judgeUnverified(payload: unknown, arrival: Arrival): Judgement {
    const refuse = (reason: string): Judgement => ({ ok: false, reason });
    const signed = this.#verification === 'signed';
    if (signed && (payload as { token?: unknown }).token === undefined) return refuse(SEND_A_TOKEN);
    if (!signed && arrival.signal === undefined) return refuse(SEND_A_SIGNAL);
    const parsed = (signed ? SignedVerdict : PrincipalVerdict).safeParse(payload);
    if (!parsed.success) return refuse(misfit(parsed.error));
    const other = this.#otherPlan(parsed.data.plan, this.#rules!);
    if (other !== null) return refuse(other);
    return this.#waits && !this.decided ? { ok: true, verdict: { plan: parsed.data.plan, by: claimedBy(payload) ?? '' } } : refuse('nothing waits for approval now');
  }

  #judgeFacts(kind: Kind, facts: DecisionFacts): Judgement {
    if (!facts.ok) return { ok: false, reason: facts.reason };
    const parsed = Verdict.safeParse(facts.payload);
    if (!parsed.success) return { ok: false, reason: misfit(parsed.error) };
    if (!this.#waits || this.#rules === null) return { ok: false, reason: this.#closed ?? 'nothing waits for approval now' };
    const rules = this.#rules;
    const itself = facts.requester !== undefined && sameName(facts.requester, parsed.data.by);
    if (kind === 'approve' && rules.settings.forbid_requester && itself) return { ok: false, reason: REQUESTER_MAY_NOT_APPROVE };
    return this.#fits(kind, parsed.data, rules);
  }

  #otherPlan(plan: string, rules: Rules): string | null {
    const hash = rules.plan.plan_hash;
    return hash.startsWith(plan) ? null : `it is for plan ${plan.slice(0, 12)}, this plan is ${hash.slice(0, 12)}`;
  }

  #fits(kind: Kind, verdict: Verdict, rules: Rules): Judgement {
    const refuse = (reason: string): Judgement => ({ ok: false, reason });
    const { plan, settings, requestedBy } = rules;
    const other = this.#otherPlan(verdict.plan, rules);
    if (other !== null) return refuse(other);
    if (this.rejection !== null) return refuse(`the plan was already rejected by ${this.rejection.by}`);
    // Also a bound: any number of people may agree with what is decided, and each would travel with the change.
    if (this.approved) return refuse('the plan is approved already; to stop the operation, cancel it');
    const unlisted = notListed(settings, verdict.by);
    if (unlisted !== null) return refuse(unlisted);
    if (kind === 'reject') return { ok: true, verdict };
    if (settings.forbid_requester && sameName(verdict.by, requestedBy)) return refuse(REQUESTER_MAY_NOT_APPROVE);
    if (this.approvals.some((a) => sameName(a.by, verdict.by))) return refuse('this person approved already');
    const phrase = settings.confirmation_phrase;
    if (phrase !== null && plan.evidence.risk === 'destructive' && !(verdict.comment ?? '').includes(phrase)) {
      return refuse('the plan is destructive: the comment must hold the confirmation phrase of the config');
    }
    const unsettled = plan.resolve.filter((name) => verdict.resolve?.[name] === undefined && this.resolve[name] === undefined);
    if (unsettled.length > 0) {
      return refuse(`say what happened to ${unsettled.join(', ')}: "resolve": {"${unsettled[0]}": "applied" or "rolled_back"}`);
    }
    return { ok: true, verdict };
  }
}

/** Why somebody may not decide, or null. */
export function notListed({ approvers }: Pick<Settings['approval'], 'approvers'>, by: string): string | null {
  return approvers.length === 0 || approvers.some((pattern) => matchesPattern(pattern, by)) ? null : 'not on the list of approvers';
}
