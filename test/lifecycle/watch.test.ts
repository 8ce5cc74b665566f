/** A migrate that watches health after its change, and what it does when it turns unhealthy. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorResponse } from '../../src/contract/index.js';
import { slowNetwork, type SlowNetwork } from '../support/slow-network.js';
import type { Stack } from '../support/stack.js';
import { createStacks } from '../support/stacks.js';

type Name = 'well' | 'turns' | 'written';

describe('a migrate that is watched', () => {
  let stacks: Record<Name, Stack>;
  const networks = {} as Record<Name, SlowNetwork>;

  beforeAll(async () => {
    const common = { environment: { protected: false }, backup: { verify: 'checked' }, health_checks: { latency_critical_ms: 800 }, phases: { release: { watch_interval_seconds: 1 } } };
    stacks = await createStacks(
      { well: common, turns: common, written: { ...common, safety: { hold_writes: true, on_failure: 'restore' } } },
      {},
      async (name, url) => (networks[name] = await slowNetwork(url)).url,
    );
    for (const stack of Object.values(stacks)) await stack.migration('20260101000000_init', 'CREATE TABLE t (id int PRIMARY KEY);', 'DROP TABLE t;');
    for (const stack of Object.values(stacks)) await (await stack.start('migrate')).answer();
  });

  it.concurrent('says how long, in the plan and in the answer', async () => {
    const stack = stacks.well;
    await stack.migration('20260102000000_c', 'ALTER TABLE t ADD COLUMN c int;', 'ALTER TABLE t DROP COLUMN c;');
    const preview = await (await stack.start('migrate-preview', { watch_seconds: 2 })).answer();
    const operation = await stack.start('migrate', { watch_seconds: 2 });
    const answer = await operation.answer();
    expect(answer).toMatchObject({ status: 'success', result: { migrations_applied: 1, watched_seconds: 2, health_check: 'passed' } });
    expect((answer as { result: Record<string, unknown> }).result['plan_hash']).toBe((preview as { result: Record<string, unknown> }).result['plan_hash']);
    expect(await (await stack.start('migrate', { watch_seconds: 5000 })).answer()).toMatchObject({ status: 'error', code: 'invalid_request' });
  });

  it.concurrent('undoes the change when health turns bad and stays so, with the lock kept until then', async () => {
    const stack = stacks.turns;
    await stack.migration('20260102000000_c', 'ALTER TABLE t ADD COLUMN c int;', 'ALTER TABLE t DROP COLUMN c;');
    const operation = await stack.start('migrate', { watch_seconds: 60 });
    await operation.untilChange((s) => s.phase === 'watching');
    const behind = await stack.start('rollback', { steps: 1 });
    await behind.untilChange((s) => s.waiting_behind.length === 1);
    networks.turns.delay(1000);
    const answer = (await operation.answer()) as ErrorResponse;
    expect(answer).toMatchObject({ status: 'error', code: 'health_after_failed', error: expect.stringContaining('while it was watched') as string, result: { rollback: { status: 'undone', by: 'down', verified: true } } });
    await behind.handle.cancel();
    await behind.answer();
  });

  it.concurrent('loses no row that was written in the watch, whatever loss was accepted for the change itself', async () => {
    const stack = stacks.written;
    await stack.migration('20260102000000_c', 'ALTER TABLE t ADD COLUMN c int;');
    const operation = await stack.start('migrate', { watch_seconds: 60 });
    await operation.untilChange((s) => s.phase === 'watching');
    // Writes are on again, held off during the change or not.
    for (let tries = 0; ; tries += 1) {
      const written = await stack.database.query('INSERT INTO t (id) VALUES (7)').then(() => true, () => false);
      if (written) break;
      if (tries > 100) throw new Error('writes are still held off');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    networks.written.delay(1000);
    await operation.until((s) => s.phase === 'waiting_for_decision');
    const { answer } = await operation.state();
    expect(answer).toMatchObject({ status: 'error', code: 'health_after_failed', waiting_for: expect.arrayContaining(['restore', 'accept']) as string[], result: { rollback: { status: 'stopped' } } });
    expect(await stack.database.query('SELECT id FROM t')).toEqual([{ id: 7 }]);
    await operation.handle.signal('resolve', { choice: 'accept', by: 'ana' });
    await operation.answer();
  });
});
