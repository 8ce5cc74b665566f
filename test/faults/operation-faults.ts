/** Faults that strike the worker, or the operation itself. */
import { expect } from 'vitest';
import type { Response } from '../../src/contract/index.js';
import { answerOf, sleep } from '../support/stack.js';
import type { Fault } from './faults.js';
import { snapshot } from './scene.js';

/** Of two workers the first is dead. */
export const killWorker: Fault = async ({ scene, operation }) => {
  await scene.stack.killWorker();
  await scene.stack.startWorker();
  return operation.answer();
};

/** The first stands still, the second finishes, the first wakes up: then it must change nothing. */
export const pauseWorker: Fault = async ({ scene, operation, point }) => {
  const { stack, barriers } = scene;
  const paused = stack.worker();
  process.kill(-paused.pid, 'SIGSTOP');
  try {
    await stack.startWorker();
    const answer = await operation.answer();
    const ended = await snapshot(stack.database);
    if (point !== null) await barriers.open(point);
    process.kill(-paused.pid, 'SIGCONT');
    // Long enough for what it was about to do; its heartbeat tells it within four seconds that it is overtaken.
    await sleep(5_000);
    expect(await snapshot(stack.database)).toEqual(ended);
    return answer;
  } finally {
    await paused.stop('SIGKILL', 0);
  }
};

/** A deploy: SIGTERM, a grace time that is too short, a new worker. It hands over, and never undoes what was well. */
export const deploy: Fault = async ({ scene, operation, point }) => {
  const { stack, barriers } = scene;
  const old = stack.worker();
  old.child.kill('SIGTERM');
  await sleep(2_000);
  if (point !== null) await barriers.open(point);
  await old.stop('SIGTERM', 20_000);
  await stack.startWorker();
  return operation.answer();
};

export const cancel: Fault = async ({ scene, operation, point }) => {
  await operation.handle.cancel();
  if (point !== null) {
    // Heard with a heartbeat, which opens the barrier. Around a whole activity there is none: opened before it counts as dead.
    await sleep(/^(before|after)-[a-z]+[A-Z]/.test(point) ? 500 : 4_500);
    await scene.barriers.open(point);
  }
  return operation.answer();
};

/** The operation is gone, the change is not: it ends by itself. */
export const terminateOperation: Fault = async ({ scene, operation, point }) => {
  const { change_workflow_id: change } = await operation.state();
  await operation.handle.terminate('a test');
  if (point !== null) await scene.barriers.open(point);
  const result = (await answerOf(scene.stack.client.workflow.getHandle(change!))) as unknown as { answer: Response };
  return result.answer;
};
