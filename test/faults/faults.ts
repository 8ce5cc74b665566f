/** What can happen to an operation that stands at a barrier, and how it must have ended afterwards. */
import { expect } from 'vitest';
import type { ErrorResponse, Response } from '../../src/contract/index.js';
import { answerOf, sleep, type Operation, type StackOptions } from '../support/stack.js';
import { createScene, expectNothingLeft, expectState, snapshot, type Release, type Scene } from './scene.js';

/** Barriers to come by, in order; the fault strikes at the last one. */
export type Path = readonly [string, ...string[]];

export interface Standing {
  scene: Scene;
  operation: Operation;
  /** Where it stands. */
  point: string;
}

/** Brings an approved operation to the last barrier of the path. */
export async function standAt(release: Release, path: Path, options: StackOptions = {}): Promise<Standing> {
  const scene = await createScene(release, options);
  try {
    const operation = await scene.stack.start('migrate');
    const point = await bringTo(scene, operation, path).catch(async (error: Error) => {
      throw new Error(`${error.message}; ${await stateOf(operation)}`, { cause: error });
    });
    return { scene, operation, point };
  } catch (error) {
    await scene.stack.killWorker();
    throw error;
  }
}

/** Its last words, where an operation took another way than the one that was expected. */
async function stateOf(operation: Operation): Promise<string> {
  const { phase, answer, progress } = await operation.state();
  return JSON.stringify({ phase, answer, progress: progress.slice(-5).map(({ message }) => message) });
}

async function bringTo({ barriers }: Scene, operation: Operation, [first, ...more]: Path): Promise<string> {
  await barriers.arm(first);
  await operation.approve();
  let point = first;
  await barriers.reached(point);
  for (const next of more) {
    await barriers.arm(next);
    await barriers.open(point);
    point = next;
    await barriers.reached(point);
  }
  return point;
}

/** Does the fault and returns the answer that the operation gave in the end. */
export type Fault = (standing: Standing) => Promise<Response>;

/** Of two workers the first is dead. */
const killWorker: Fault = async ({ scene, operation }) => {
  await scene.stack.killWorker();
  await scene.stack.startWorker();
  return operation.answer();
};

/** The first stands still, the second finishes, the first wakes up: then it must change nothing. */
const pauseWorker: Fault = async ({ scene, operation, point }) => {
  const { stack, barriers } = scene;
  const paused = stack.worker();
  process.kill(-paused.pid, 'SIGSTOP');
  try {
    await stack.startWorker();
    const answer = await operation.answer();
    const ended = await snapshot(stack.database);
    await barriers.open(point);
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
const deploy: Fault = async ({ scene, operation, point }) => {
  const { stack, barriers } = scene;
  const old = stack.worker();
  old.child.kill('SIGTERM');
  await sleep(2_000);
  await barriers.open(point);
  await old.stop('SIGTERM', 20_000);
  await stack.startWorker();
  return operation.answer();
};

const cancel: Fault = async ({ scene, operation, point }) => {
  await operation.handle.cancel();
  // Heard with a heartbeat, which opens the barrier. Around a whole activity there is none: opened before it counts as dead.
  await sleep(/^(before|after)-[a-z]+[A-Z]/.test(point) ? 500 : 4_500);
  await scene.barriers.open(point);
  return operation.answer();
};

/** The operation is gone, the change is not: it ends by itself. */
const terminateOperation: Fault = async ({ scene, operation, point }) => {
  const { change_workflow_id: change } = await operation.state();
  await operation.handle.terminate('a test');
  await scene.barriers.open(point);
  const result = (await answerOf(scene.stack.client.workflow.getHandle(change!))) as unknown as { answer: Response };
  return result.answer;
};

export const FAULTS = { 'SIGKILL worker': killWorker, 'SIGSTOP worker': pauseWorker, 'SIGTERM worker': deploy, cancel, 'terminate operation': terminateOperation } as const;
export type FaultName = keyof typeof FAULTS;

/** Runs one case of the matrix. @throws AssertionError for what did not hold */
export async function runCase(release: Release, path: Path, fault: FaultName): Promise<'held'> {
  const standing = await standAt(release, path);
  try {
    await expectEnd(standing, await FAULTS[fault](standing), fault);
    return 'held';
  } finally {
    // Hundreds of cases in one run: none may keep its worker.
    await standing.scene.stack.killWorker();
  }
}

/** The answer, the data and what is left, as the release and the fault have it. */
export async function expectEnd({ scene, operation, point }: Standing, answer: Response, fault: FaultName | 'crash of the server'): Promise<void> {
  const { release } = scene;
  // A cancel is too late where the undo runs already, and where the end is being recorded.
  const cancelled = fault === 'cancel' && release === 'applied' && !point.endsWith('endOperation');
  if (cancelled) {
    expect(answer).toMatchObject({ status: 'cancelled', code: 'cancelled' });
  } else if (release === 'applied') {
    expect(answer).toMatchObject({ status: 'success', result: { migrations_applied: 3, health_check: 'passed' } });
  } else {
    expect(answer).toMatchObject({ status: 'error', code: 'migration_failed', result: { rollback: { status: 'undone', by: release === 'undone by downs' ? 'down' : 'restore', verified: true } } });
    expect((answer as ErrorResponse).recovery.rollback_command).toBeUndefined();
  }
  await expectState(scene, release === 'applied' && !cancelled ? 'after' : 'before');
  await expectNothingLeft(scene, operation);
}
