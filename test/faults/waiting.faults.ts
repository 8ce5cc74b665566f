/** Every fault that leaves the operation alone, while it waits: for approval, for the lock of its database, for a person's decision. */
import { describe, expect, it } from 'vitest';
import { wished } from './choice.js';
import { expectEnd, FAULTS, type FaultName, type Kind, type Standing } from './faults.js';
import { createScene, expectNothingLeft, expectState } from './scene.js';
import type { StackOptions } from '../support/stack.js';
import { printed, type Row } from './table.js';

const { seed, only } = wished('waiting');
const rows: Row[] = [];
/** Cancelling and terminating while it waits is test/lifecycle/decisions.test.ts. */
const STRIKES = (Object.keys(FAULTS) as FaultName[]).filter((fault) => fault !== 'cancel' && fault !== 'terminate operation');

interface Waiting extends Standing {
  /** Ends the wait, after the fault. */
  goOn(): Promise<unknown>;
  expectEnd(answer: Awaited<ReturnType<Standing['operation']['answer']>>, fault: FaultName): Promise<void>;
}

const WAITS: Record<string, (options: StackOptions) => Promise<Waiting>> = {
  async approval(options) {
    const scene = await createScene('applied', options);
    const operation = await scene.stack.start('migrate');
    await operation.until((state) => state.phase === 'waiting_for_approval');
    const standing = { scene, operation, point: null };
    return { ...standing, goOn: () => operation.approve(), expectEnd: (answer, fault) => expectEnd(standing, answer, fault) };
  },

  async lock(options) {
    const scene = await createScene('applied', options);
    const first = await scene.stack.start('migrate');
    await scene.barriers.arm('after-script');
    await first.approve();
    await scene.barriers.reached('after-script');
    const operation = await scene.stack.start('migrate');
    await operation.approve();
    await operation.untilChange((state) => state.waiting_behind.length === 1);
    return {
      scene, operation, point: null,
      goOn: () => scene.barriers.open('after-script'),
      async expectEnd(answer) {
        expect(await first.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 3 } });
        // It finds nothing left to do.
        expect(answer).toMatchObject({ status: 'success', result: { migrations_applied: 0 } });
        await expectState(scene, 'after');
        await expectNothingLeft(scene, first);
      },
    };
  },

  async decision(options) {
    const scene = await createScene('stopped', options);
    const operation = await scene.stack.start('migrate');
    await operation.approve();
    await operation.until((state) => state.phase === 'waiting_for_decision', 120);
    const standing = { scene, operation, point: null };
    return { ...standing, goOn: () => operation.handle.signal('resolve', { choice: 'restore', by: 'ana@example.com' }), expectEnd: (answer, fault) => expectEnd(standing, answer, fault) };
  },
};

async function runWait(wait: string, fault: FaultName): Promise<'held'> {
  const { strike, surroundings: made } = FAULTS[fault] as Kind;
  const surroundings = (await made?.()) ?? null;
  let waiting: Waiting | null = null;
  try {
    waiting = await WAITS[wait]!(surroundings?.options ?? {});
    const { operation, goOn } = waiting;
    const answer = await strike({ ...waiting, operation: { ...operation, answer: () => goOn().then(() => operation.answer()) } }, surroundings);
    await waiting.expectEnd(answer, fault);
    return 'held';
  } finally {
    await waiting?.scene.stack.killWorker();
    await surroundings?.close();
  }
}

const cases = Object.keys(WAITS).flatMap((wait) => STRIKES.map((fault) => ({ wait, fault })));

describe.concurrent('what waits goes on waiting, and ends as decided', () => {
  it.each(cases.filter(({ wait, fault }) => only === undefined || `${wait} ${fault}`.includes(only)))('$wait, $fault', { timeout: 300_000 }, async ({ wait, fault }) => {
    const row: Row = { release: 'applied', place: `waits for ${wait}`, fault, held: false, seconds: 0 };
    rows.push(row);
    expect(await runWait(wait, fault)).toBe('held');
    row.held = true;
  });
});

printed(rows, STRIKES, seed);
