/**
 * Whether a plan is approved. State and rules only: the workflow wires the signals and does the waiting.
 * A decision that comes before the plan is kept and judged when the plan is there.
 */
import { Verdict, type RecordedDecision } from '../../contract/decision.js';
import type { PlanSummary, Resolution, Settings } from '../../contract/index.js';
import { Refusals, unreadable } from './refusals.js';

type Kind = 'approve' | 'reject';
type Judgement = { ok: true; verdict: Verdict } | { ok: false; reason: string };

/** Early decisions kept; more than that before a plan exists is a flood. */
const KEPT_EARLY = 50;

interface Rules {
  plan: PlanSummary;
  settings: Settings['approval'];
  requestedBy: string;
}

export class Approval {
  readonly refusals = new Refusals();
  approvals: RecordedDecision[] = [];
  rejection: RecordedDecision | null = null;
  /** How failed rows of another runner are settled, by the approving decisions. */
  resolve: Resolution = {};
  #early: { kind: Kind; payload: unknown }[] = [];
  #rules: Rules | null = null;
  #closed: string | null = null;

  /** Opens the wait for one plan. Earlier approvals count only for the plan they named. */
  open(rules: Rules): void {
    this.#rules = rules;
    this.#closed = null;
    this.approvals = [];
    this.rejection = null;
    this.resolve = {};
    const early = this.#early;
    this.#early = [];
    for (const { kind, payload } of early) this.receive(kind, payload);
  }

  /** From now on every decision is refused with this reason. */
  close(reason: string): void {
    this.#closed = reason;
    for (const { kind, payload } of this.#early) this.refusals.add(kind, payload, reason);
    this.#early = [];
  }

  get approved(): boolean {
    return this.#rules !== null && this.rejection === null && this.approvals.length >= this.#rules.settings.minimum_approvals;
  }

  get decided(): boolean {
    return this.approved || this.rejection !== null;
  }

  /** Records a decision. Never throws. */
  receive(kind: Kind, payload: unknown): void {
    if (this.#rules === null && this.#closed === null) {
      const reason = unreadable(payload);
      if (reason !== null) this.refusals.add(kind, payload, reason);
      else if (this.#early.length >= KEPT_EARLY) this.refusals.add(kind, payload, 'too many decisions before the plan was made');
      else this.#early.push({ kind, payload });
      return;
    }
    const judged = this.judge(kind, payload);
    if (!judged.ok) {
      this.refusals.add(kind, payload, judged.reason);
      return;
    }
    const { verdict } = judged;
    const decision: RecordedDecision = {
      decision: kind,
      by: verdict.by,
      ...(verdict.comment === undefined ? {} : { comment: verdict.comment }),
      at: new Date().toISOString(),
      verification: 'claimed',
      plan: this.#rules!.plan.plan_hash,
    };
    if (kind === 'reject') this.rejection = decision;
    else {
      this.approvals.push(decision);
      Object.assign(this.resolve, verdict.resolve ?? {});
    }
  }

  /** Whether a decision would count, and if not, why. Changes nothing: the update's validator uses it too. */
  judge(kind: Kind, payload: unknown): Judgement {
    const refuse = (reason: string): Judgement => ({ ok: false, reason });
    const broken = unreadable(payload);
    if (broken !== null) return refuse(broken);
    if (this.#closed !== null) return refuse(this.#closed);
    const parsed = Verdict.safeParse(payload);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return refuse(`the payload does not fit: ${issue?.path.join('.') || 'payload'} ${issue?.message ?? ''}`.trim());
    }
    const verdict = parsed.data;
    if (this.#rules === null) return { ok: true, verdict };
    const { plan, settings, requestedBy } = this.#rules;
    if (!plan.plan_hash.startsWith(verdict.plan)) return refuse(`it is for plan ${verdict.plan}, this plan is ${plan.plan_hash.slice(0, 12)}`);
    if (this.rejection !== null) return refuse(`the plan was already rejected by ${this.rejection.by}`);
    if (settings.approvers.length > 0 && !settings.approvers.some((pattern) => matches(pattern, verdict.by))) {
      return refuse('not on the list of approvers');
    }
    if (kind === 'reject') return { ok: true, verdict };
    if (settings.forbid_requester && same(verdict.by, requestedBy)) return refuse('who asked for the operation may not approve it');
    if (this.approvals.some((a) => same(a.by, verdict.by))) return refuse('this person approved already');
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

const fold = (name: string): string => name.trim().toLowerCase();
const same = (a: string, b: string): boolean => fold(a) === fold(b);

/** `*` stands for any characters; matching is by segments, never by a regular expression made of config text. */
export function matches(pattern: string, name: string): boolean {
  const parts = fold(pattern).split('*');
  let rest = fold(name);
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return rest === first;
  if (!rest.startsWith(first) || !rest.endsWith(last) || rest.length < first.length + last.length) return false;
  rest = rest.slice(first.length, rest.length - last.length);
  for (const part of parts.slice(1, -1)) {
    const at = rest.indexOf(part);
    if (at < 0) return false;
    rest = rest.slice(at + part.length);
  }
  return true;
}
