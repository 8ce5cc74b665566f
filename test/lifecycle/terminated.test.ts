/** A change that somebody terminated in the middle is named by the next operation, and decided before anything is changed. */
import { describe, expect, it } from 'vitest';
import { standAt } from '../faults/faults.js';
import { expectNothingLeft, expectState } from '../faults/scene.js';

describe.concurrent('the change itself terminated in the middle', () => {
  it('the operation says so; the next one names what it left, undoes it by decision, and goes on', { timeout: 240_000 }, async () => {
    const { scene, operation } = await standAt('applied', ['after-commit'], { safety: { hold_writes: true } });
    const { stack } = scene;
    const { change_workflow_id: change } = await operation.state();
    await stack.killWorker();
    await stack.client.workflow.getHandle(change!).terminate('a test');
    await stack.startWorker();
    expect(await operation.answer()).toMatchObject({ status: 'error', code: 'interrupted_operation' });

    const next = await stack.start('migrate');
    await next.approve();
    const stopped = await next.until((state) => state.phase === 'waiting_for_decision', 60);
    expect(stopped.answer).toMatchObject({
      code: 'interrupted_operation',
      result: { interrupted: { operation_id: operation.id, applied: ['20260201000000_credits'], half_applied: [], still_running: false } },
      waiting_for: ['undo', 'accept'],
    });
    await next.handle.signal('resolve', { choice: 'undo', by: 'ana@example.com' });
    // What the undo changed makes another plan: it is approved again.
    await next.until((state) => state.phase === 'waiting_for_approval', 60);
    await next.approve();
    expect(await next.answer()).toMatchObject({ status: 'success', result: { migrations_applied: 3 } });
    await expectState(scene, 'after');
    await expectNothingLeft(scene, operation);
    await expectNothingLeft(scene, next);
    expect(await stack.database.query("SELECT current_setting('default_transaction_read_only') AS held")).toEqual([{ held: 'off' }]);
  });
});
