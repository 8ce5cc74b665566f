import { beforeEach, describe, expect, it } from 'vitest';
import type { PlanSummary, Settings } from '../../src/contract/index.js';
import { matchesPattern } from '../../src/contract/pattern.js';
import { Approval } from '../../src/workflows/guarded/approval.js';

const PLAN = {
  plan_hash: 'abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789',
  resolve: [],
  evidence: { risk: 'low' },
} as unknown as PlanSummary;
const RULES: Settings['approval'] = {
  approvers: [], minimum_approvals: 1, forbid_requester: true, confirmation_phrase: null, verification: 'claimed',
  timeout_seconds: { low: 1, medium: 1, high: 1, destructive: 1 },
};
const GOOD = { plan: 'abcdef01', by: 'ana@example.com' };

describe('Approval', () => {
  let approval: Approval;
  const open = (rules: Partial<Settings['approval']> = {}, plan: Partial<PlanSummary> = {}) =>
    approval.open({ plan: { ...PLAN, ...plan } as PlanSummary, settings: { ...RULES, ...rules }, requestedBy: 'pipeline' });
  beforeEach(() => {
    approval = new Approval();
  });

  it('counts an approval that names the plan by eight or more hex digits, whatever their case', () => {
    open();
    approval.receive('approve', { plan: 'ABCDEF0123', by: 'ana' });
    expect(approval.approved).toBe(true);
    expect(approval.approvals[0]).toMatchObject({ decision: 'approve', by: 'ana', verification: 'claimed', plan: PLAN.plan_hash });
  });

  it('keeps a decision that comes before the plan, and judges it then', () => {
    approval.receive('approve', GOOD);
    approval.receive('approve', { plan: 'ffffffff', by: 'bob' });
    expect(approval.decided).toBe(false);
    open();
    expect(approval.approved).toBe(true);
    expect(approval.refusals.last.map((r) => r.reason)).toEqual(['it is for plan ffffffff, this plan is abcdef012345']);
  });

  it.each([
    ['no payload', undefined, /no payload/],
    ['null', null, /no payload/],
    ['an unreadable encoding', { faber_db_undecodable: true, encoding: 'json/protobuf' }, /json\/protobuf/],
    ['a string', 'yes', /JSON object/],
    ['a list', [GOOD], /JSON object/],
    ['no plan', { by: 'ana' }, /plan/],
    ['a plan that is too short', { plan: 'abc', by: 'ana' }, /8 or more hex/],
    ['nobody', { plan: 'abcdef01' }, /by/],
    ['another plan', { plan: '99999999', by: 'ana' }, /it is for plan 99999999/],
    ['the requester', { plan: 'abcdef01', by: ' PIPELINE ' }, /may not approve/],
  ])('refuses %s with the reason, and goes on waiting', (_name, payload, reason) => {
    open();
    approval.receive('approve', payload);
    expect(approval.decided).toBe(false);
    expect(approval.refusals.last[0]?.reason).toMatch(reason);
    approval.receive('approve', GOOD);
    expect(approval.approved).toBe(true);
  });

  it('needs as many different people as the settings say', () => {
    open({ minimum_approvals: 2 });
    approval.receive('approve', GOOD);
    approval.receive('approve', { ...GOOD, by: 'ANA@example.com' });
    expect(approval.approved).toBe(false);
    expect(approval.refusals.last[0]?.reason).toMatch(/approved already/);
    approval.receive('approve', { ...GOOD, by: 'bob@example.com' });
    expect(approval.approved).toBe(true);
  });

  it('takes approvals only from the list, and rejections too', () => {
    open({ approvers: ['*@dba.example.com'] });
    approval.receive('reject', GOOD);
    approval.receive('approve', GOOD);
    expect(approval.decided).toBe(false);
    approval.receive('approve', { ...GOOD, by: 'eve@dba.example.com' });
    expect(approval.approved).toBe(true);
  });

  it('lets the requester reject', () => {
    open();
    approval.receive('reject', { ...GOOD, by: 'pipeline', comment: 'wrong window' });
    expect(approval.rejection).toMatchObject({ by: 'pipeline', comment: 'wrong window' });
    approval.receive('approve', GOOD);
    expect(approval.approved).toBe(false);
  });

  it('wants the confirmation phrase for a destructive plan', () => {
    open({ confirmation_phrase: 'drop it' }, { evidence: { ...PLAN.evidence, risk: 'destructive' } });
    approval.receive('approve', GOOD);
    expect(approval.approved).toBe(false);
    approval.receive('approve', { ...GOOD, comment: 'yes, drop it' });
    expect(approval.approved).toBe(true);
  });

  it('wants to be told what happened to failed rows of another runner', () => {
    open({}, { resolve: ['2024_x'] });
    approval.receive('approve', GOOD);
    expect(approval.approved).toBe(false);
    approval.receive('approve', { ...GOOD, resolve: { '2024_x': 'rolled_back' } });
    expect(approval.approved).toBe(true);
    expect(approval.resolve).toEqual({ '2024_x': 'rolled_back' });
  });

  it('forgets approvals of a plan that changed', () => {
    open();
    approval.receive('approve', GOOD);
    open({}, { plan_hash: '1234567890'.padEnd(64, '0') });
    expect(approval.approved).toBe(false);
    approval.receive('approve', GOOD);
    expect(approval.approved).toBe(false);
  });

  it('refuses what comes too late', () => {
    open();
    approval.close('too late: the approval had expired');
    approval.receive('approve', GOOD);
    expect(approval.approved).toBe(false);
    expect(approval.refusals.last[0]?.reason).toMatch(/too late/);
  });

  it('takes no more decisions once it is approved, however many people send one', () => {
    open();
    for (let i = 0; i < 1_000; i += 1) approval.receive('approve', { ...GOOD, by: `p${i}@example.com`, resolve: { [`m${i}`]: 'applied' } });
    approval.receive('reject', { ...GOOD, by: 'late@example.com' });
    expect(approval.approvals.map((a) => a.by)).toEqual(['p0@example.com']);
    expect(approval.rejection).toBeNull();
    expect(approval.resolve).toEqual({});
    expect(approval.refusals.last.at(-1)?.reason).toMatch(/approved already/);
  });

  it('stays small under a flood', () => {
    open();
    for (let i = 0; i < 10_000; i += 1) approval.receive('approve', { plan: 'ffffffff', by: 'x'.repeat(10_000) });
    expect(approval.refusals.count).toBe(10_000);
    expect(approval.refusals.last).toHaveLength(5);
    expect(JSON.stringify(approval.refusals.last).length).toBeLessThan(3_000);
  });
});

describe('matchesPattern', () => {
  it.each([
    ['ana@example.com', 'Ana@Example.com', true],
    ['*@example.com', 'ana@example.com', true],
    ['*@example.com', 'ana@example.com.evil.org', false],
    ['ana*', 'ana@example.com', true],
    ['a*b*c', 'aXbYc', true],
    ['a*a', 'a', false],
    ['*', 'anyone', true],
    ['(a+)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', false],
  ])('%s and %s: %s', (pattern, name, expected) => {
    expect(matchesPattern(pattern, name)).toBe(expected);
  });
});
