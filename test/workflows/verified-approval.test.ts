import { beforeEach, describe, expect, it } from 'vitest';
import type { DecisionFacts } from '../../src/activities/contract.js';
import type { PlanSummary, Settings } from '../../src/contract/index.js';
import { Approval } from '../../src/workflows/guarded/approval.js';
import { WayOutChoice } from '../../src/workflows/guarded/way-out.js';

const PLAN = { plan_hash: 'abcdef01'.repeat(8), resolve: [], evidence: { risk: 'low' } } as unknown as PlanSummary;
const SIGNED: Settings['approval'] = {
  approvers: ['*@example.com'], minimum_approvals: 1, forbid_requester: true, confirmation_phrase: null, verification: 'signed',
  timeout_seconds: { low: 1, medium: 1, high: 1, destructive: 1 },
};
const PRINCIPAL: Settings['approval'] = { ...SIGNED, verification: 'principal' };
const send = (token: string) => ({ plan: 'abcdef01', token });
const verified = (more: Record<string, unknown> = {}, once = 'a'): DecisionFacts => ({
  ok: true, verification: 'signed', key_id: 'k1', once, payload: { plan: PLAN.plan_hash, by: 'ana@example.com', ...more },
});
const nth = (n: number, name = 'approve') => ({ signal: { workflow_id: 'release-417', run_id: 'r', name, nth: n } });

describe('an approval whose sender is verified', () => {
  let approval: Approval;
  const open = (settings: Settings['approval'] = SIGNED) => approval.open({ plan: PLAN, settings, requestedBy: 'pipeline@example.com' });
  const judge = (facts: DecisionFacts) => approval.unverified.take().forEach((decision) => approval.settle(decision, facts));
  const reasons = () => approval.refusals.last.map((r) => r.reason);
  beforeEach(() => {
    approval = new Approval();
  });

  it('counts when it is verified, not before, and says by which key', () => {
    open();
    approval.receive('approve', send('t1'));
    expect(approval.decided).toBe(false);
    judge(verified({ comment: 'fine' }));
    expect(approval.approvals).toMatchObject([{ by: 'ana@example.com', comment: 'fine', verification: 'signed', key_id: 'k1' }]);
  });

  it('is asked to be verified only when it has a token for this plan', () => {
    open();
    approval.receive('approve', { plan: 'abcdef01', by: 'ana@example.com' });
    approval.receive('reject', { plan: 'abcdef01', by: 'ana@example.com' });
    approval.receive('approve', { plan: '99999999', token: 't1' });
    approval.receive('approve', { plan: 'abcdef01', token: { alg: 'none' } });
    approval.receive('approve', { plan: 'abcdef01', token: 'x'.repeat(20_000) });
    expect(approval.unverified.waiting).toBe(false);
    expect(reasons()).toEqual([
      expect.stringContaining('has no token'), expect.stringContaining('has no token'), expect.stringContaining('for plan 99999999'),
      expect.stringContaining('token'), expect.stringContaining('token'),
    ]);
  });

  it('is judged by the verified name: not on the list, the requester by the request or by the server, a person twice', () => {
    open({ ...SIGNED, minimum_approvals: 2 });
    const told = (facts: DecisionFacts) => {
      approval.receive('approve', send(`t${approval.refusals.count}-${approval.approvals.length}`));
      judge(facts);
    };
    told(verified({ by: 'eve@elsewhere.org' }, 'a'));
    told(verified({ by: 'Pipeline@Example.com' }, 'b'));
    told({ ...(verified({}, 'c') as Extract<DecisionFacts, { ok: true }>), requester: 'ANA@example.com' });
    told(verified({}, 'd'));
    told(verified({}, 'e'));
    expect(reasons()).toEqual(['not on the list of approvers', 'who asked for the operation may not approve it', 'who asked for the operation may not approve it', 'this person approved already']);
    expect(approval.approvals).toHaveLength(1);
  });

  it('of one token or one jti counts once, also for a plan that is asked about again', () => {
    open();
    approval.receive('approve', send('t1'));
    approval.receive('approve', send('t1'));
    judge(verified());
    approval.stop('over');
    open();
    expect(approval.approved).toBe(false);
    approval.receive('approve', send('t1'));
    approval.receive('approve', send('t2'));
    judge(verified());
    expect(approval.approved).toBe(false);
    expect(reasons()).toEqual(['this decision was sent already', 'this decision was sent already', 'this token was used already (jti)']);
  });

  it('that could not be verified for now may be sent again', () => {
    open();
    approval.receive('approve', send('t1'));
    judge({ ok: false, by: null, reason: 'the key set cannot be fetched now', again: true });
    approval.receive('approve', send('t1'));
    judge(verified());
    expect(approval.approved).toBe(true);
  });

  it('tells whoever waits for the verdict, also when the wait ends first', () => {
    const told: (string | null)[] = [];
    const settled = (problem: string | null) => told.push(problem);
    open();
    approval.receive('approve', send('t1'), { settled });
    judge({ ok: false, by: 'eve', reason: 'forged' });
    approval.receive('approve', send('t2'), { settled });
    approval.stop('nothing waits for approval any more');
    approval.receive('approve', send('t3'), { settled });
    expect(told).toEqual(['forged', 'nothing waits for approval any more', 'nothing waits for approval now']);
  });

  it('that comes before the plan, signed or not, is judged when it is there', () => {
    expect(approval.judge('approve', send('t1'))).toMatchObject({ ok: true });
    approval.receive('approve', send('t1'));
    approval.receive('approve', { plan: 'abcdef01', by: 'ana@example.com' });
    open();
    judge(verified());
    expect(approval.approved).toBe(true);
    expect(reasons()).toEqual([expect.stringContaining('has no token')]);
  });

  it('by principal is a signal’s place in the history, and never an update', () => {
    open(PRINCIPAL);
    approval.receive('approve', { plan: 'abcdef01', by: 'ceo@example.com' });
    approval.receive('approve', { plan: 'abcdef01', by: 'ceo@example.com' }, nth(7));
    expect(reasons()).toEqual([expect.stringContaining('an update has none')]);
    const [decision] = approval.unverified.take();
    expect(decision!.ask).toEqual(nth(7));
    approval.settle(decision!, { ok: true, verification: 'principal', once: 'x', payload: { plan: 'abcdef01', by: 'ana@example.com' } });
    expect(approval.approvals).toMatchObject([{ by: 'ana@example.com', verification: 'principal' }]);
  });

  it('is verified up to a bound under a flood, which stays small', () => {
    open();
    let judged = 0;
    for (let i = 0; i < 10_000; i += 1) {
      approval.receive('approve', send(`t${i}`));
      if (i % 100 === 99) {
        for (let batch = approval.unverified.take(); batch.length > 0; batch = approval.unverified.take()) {
          judged += batch.length;
          for (const decision of batch) approval.settle(decision, { ok: false, by: null, reason: 'forged', again: i % 200 === 99 });
        }
      }
    }
    expect(judged).toBeLessThanOrEqual(400);
    expect(approval.refusals.count).toBe(10_000);
    expect(approval.refusals.last).toHaveLength(5);
    expect(reasons().at(-1)).toContain('more than 200 decisions were sent');
  });
});

describe('a way out whose sender is verified', () => {
  const settle = (choice: WayOutChoice, facts: DecisionFacts) => choice.unverified.take().forEach((decision) => choice.settle(decision, facts));

  it('needs a token, an approver and the offer', () => {
    const choice = new WayOutChoice(SIGNED);
    choice.offer(['undo', 'accept'], PLAN.plan_hash);
    choice.receive({ choice: 'accept', by: 'ana@example.com' });
    choice.receive({ choice: 'retry', token: 't1' });
    choice.receive({ choice: 'accept', token: 't2' });
    settle(choice, verified({ choice: 'accept', by: 'eve@elsewhere.org' }, 'a'));
    expect(choice.chosen).toBe(false);
    choice.receive({ choice: 'accept', token: 't3' });
    settle(choice, verified({ choice: 'accept' }, 'b'));
    expect(choice.refusals.last.map((r) => r.reason)).toEqual([expect.stringContaining('has no token'), 'retry is not possible here; possible: undo, accept', 'not on the list of approvers']);
    expect(choice.take()).toMatchObject({ choice: 'accept', decision: { by: 'ana@example.com', verification: 'signed', key_id: 'k1' } });
  });

  it('counts once, also when the same is asked again', () => {
    const choice = new WayOutChoice(SIGNED);
    for (const round of [1, 2]) {
      choice.offer(['retry'], PLAN.plan_hash);
      choice.receive({ choice: 'retry', token: `t${round}` });
      settle(choice, verified({ choice: 'retry' }));
      expect(choice.chosen).toBe(round === 1);
      if (choice.chosen) choice.take();
    }
    expect(choice.refusals.last.map((r) => r.reason)).toEqual(['this token was used already (jti)']);
  });
});
