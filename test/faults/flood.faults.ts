/** 10 000 signals of every encoding and shape against an operation that waits. */
import { beforeAll, describe, expect, it } from 'vitest';
import { SIGNALS } from '../../src/contract/names.js';
import { eventsOf, type HistoryEvent } from '../support/history.js';
import { HOSTILE_TEXTS, hostileText, hostileValue, nested } from '../support/hostile.js';
import { raw, RAW_PAYLOADS, signalRaw, startRaw, updateRaw } from '../support/raw-payloads.js';
import { printedSeed, type Random } from '../support/seeded.js';
import { answerOf, createStack, type Operation, type Stack } from '../support/stack.js';

const ENCODINGS = ['json/plain', 'json/protobuf', 'binary/protobuf', 'binary/plain', 'binary/null', 'binary/encrypted', 'json/plain\0', '', 'x'.repeat(500), 'JSON/PLAIN'];
const NAMES = [...Object.values(SIGNALS), 'changeAnswer', 'lockGranted', 'lockQueued', 'requestLock', 'noSuchSignal', '__proto__', 'x'.repeat(300)];

function payload(random: Random, hash: string) {
  const dice = random.next();
  if (dice < 0.05) return null;
  if (dice < 0.25) return random.pick(Object.values(RAW_PAYLOADS));
  if (dice < 0.3) return { metadata: { encoding: Buffer.from(random.pick(ENCODINGS)) }, data: Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256))) };
  if (dice < 0.303) return raw('json/plain', `${random.chance(0.5) ? '['.repeat(100_000) + ']'.repeat(100_000) : '{"plan":'.repeat(50_000) + '1' + '}'.repeat(50_000)}`);
  if (dice < 0.306) return raw('json/plain', JSON.stringify({ plan: 'x'.repeat(300_000), by: 'y'.repeat(300_000) }));
  const value = dice < 0.6
    ? hostileValue(random, 3)
    // Nearly right, so that the rules and not only the schema judge it.
    : {
        plan: random.pick([hash.slice(0, 12), hash.slice(0, 7), 'f'.repeat(12), hostileText(random)]), by: random.pick([' PIPELINE@example.com ', hostileText(random), random.pick(HOSTILE_TEXTS)]),
        comment: hostileText(random), choice: random.pick(['retry', 'undo', hostileText(random)]), resolve: hostileValue(random, 2), workflow_id: hostileText(random), decision: 'approve',
      };
  try {
    return raw(random.chance(0.9) ? 'json/plain' : random.pick(ENCODINGS), (JSON.stringify(value) ?? 'null').slice(0, 200_000));
  } catch {
    return raw('json/plain', JSON.stringify(nested(500, true)));
  }
}

/** What failed in our code. The server ends tasks by itself, without a failure, while too many signals wait. */
const failuresOf = (events: readonly HistoryEvent[]) => events.flatMap((event) => event.workflowTaskFailedEventAttributes?.failure?.message ?? []);

describe('a flood of signals', { timeout: 600_000 }, () => {
  let stack: Stack;
  let operation: Operation;
  beforeAll(async () => {
    // Two approvers, none of whom any payload of the flood can name.
    stack = await createStack({ backup: { verify: 'checked' }, safety: { approval: { approvers: ['*@approvers.example'], minimum_approvals: 1 } } });
    await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY);');
    operation = await stack.start('migrate');
  });

  it('decides nothing, stays small, and the approval that counts is taken afterwards', async () => {
    const random = printedSeed('signals');
    const { plan } = await operation.until((s) => s.phase === 'waiting_for_approval');
    const sent = Array.from({ length: 10_000 }, () => ({ name: random.pick(NAMES), payload: payload(random, plan!.plan_hash) }));
    // What a server does not take at all is no signal (a name or a payload that is too long); the rest is counted.
    let next = 0;
    let taken = 0;
    const refusals = new Set<string>();
    await Promise.all(Array.from({ length: 24 }, async () => {
      for (let at = next++; at < sent.length; at = next++) {
        const { name, payload: what } = sent[at]!;
        try {
          await signalRaw(stack.client, operation.id, name, what);
          taken += 1;
        } catch (error) {
          refusals.add((error as Error & { details?: string }).details ?? String(error));
        }
      }
    }));
    expect(taken, [...refusals].join('; ').slice(0, 2_000)).toBeGreaterThan(9_000);
    const state = await operation.until((s) => s.refused_count > 2_000, 120);
    expect(state).toMatchObject({ phase: 'waiting_for_approval', approvals: [], answer: null });
    expect(state.refused.length).toBeLessThanOrEqual(5);
    expect(Buffer.byteLength(JSON.stringify(state))).toBeLessThan(40_000);

    const { raw: before } = await operation.handle.describe();
    const signals = taken;
    // One event a signal, and what its tasks cost: never an activity or a drawing each.
    expect(Number(before.workflowExecutionInfo!.historyLength)).toBeLessThan(signals * 4);
    // The server takes 10 000 signals a run; an update is not one of them.
    expect(await updateRaw(stack.client, operation.id, 'decide', raw('json/plain', JSON.stringify({ decision: 'approve', plan: plan!.plan_hash, by: 'ana@approvers.example' })))).toBeNull();
    expect(await operation.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 1 } });
    const own = await eventsOf(stack.client, operation.id);
    expect(failuresOf(own)).toEqual([]);
    // Beside what tasks cost: no activity and no drawing for each signal.
    const ours = own.filter((e) => !e.workflowExecutionSignaledEventAttributes && !e.workflowTaskScheduledEventAttributes && !e.workflowTaskStartedEventAttributes && !e.workflowTaskCompletedEventAttributes && !e.workflowTaskFailedEventAttributes && !e.workflowTaskTimedOutEventAttributes);
    expect(ours.length).toBeLessThan(400);
    expect(Buffer.byteLength(JSON.stringify(ours))).toBeLessThan(600_000);
  });

  it('a request or a decision of a hundred thousand levels wedges nothing', async () => {
    const deep = raw('json/plain', `{"request":{"operation":"migrate","parameters":{"environment":${'['.repeat(100_000)}${']'.repeat(100_000)}}},"requested_by":"x"}`);
    const handle = await startRaw(stack.client, 'migrate', stack.taskQueue, deep);
    expect(await answerOf(handle)).toMatchObject({ status: 'error', code: 'invalid_request' });
    expect(failuresOf(await eventsOf(stack.client, handle.workflowId))).toEqual([]);
  });
});
