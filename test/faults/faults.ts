/** What can happen to an operation that stands at a barrier, or anywhere, and how it must have ended afterwards. */
import { expect } from 'vitest';
import type { ErrorResponse, Response } from '../../src/contract/index.js';
import type { Operation, StackOptions } from '../support/stack.js';
import { createScene, expectNothingLeft, expectState, type Release, type Scene } from './scene.js';
import { cancel, deploy, killWorker, pauseWorker, terminateOperation } from './operation-faults.js';
import { ownPostgres, ownTemporal, postgresBehind, temporalBehind, type Surroundings } from './surroundings.js';
import { Writer } from './writer.js';

/** Barriers to come by, in order; the fault strikes at the last one. */
export type Path = readonly [string, ...string[]];

export interface Standing {
  scene: Scene;
  operation: Operation;
  /** Where it stands; null: it goes on. */
  point: string | null;
}

/** Brings an approved operation to the last barrier of the path. */
export async function standAt(release: Release, path: Path, options: StackOptions = {}): Promise<Standing & { point: string }> {
  return started(release, options, (scene, operation) => bringTo(scene, operation, path));
}

/** Lets an approved operation run, and comes back `ms` after its change began. */
export async function runFor(release: Release, ms: number, options: StackOptions = {}): Promise<Standing> {
  return started(release, options, async (_scene, operation) => {
    await operation.approve();
    await operation.until((state) => state.change_workflow_id !== null);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return null;
  });
}

async function started<Point extends string | null>(release: Release, options: StackOptions, bring: (scene: Scene, operation: Operation) => Promise<Point>): Promise<Standing & { point: Point }> {
  const scene = await createScene(release, options);
  try {
    const operation = await scene.stack.start('migrate');
    const point = await bring(scene, operation).catch(async (error: Error) => {
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
export type Fault = (standing: Standing, surroundings: Surroundings | null) => Promise<Response>;

/** It goes on right after the blow, into whatever is gone; nobody helps but the server or network that comes back. */
const strikeSurroundings: Fault = async ({ scene, operation, point }, surroundings) => {
  await surroundings!.strike();
  if (point !== null) await scene.barriers.open(point);
  await surroundings!.recover();
  return operation.answer();
};

export interface Kind {
  strike: Fault;
  surroundings?: () => Promise<Surroundings>;
}

export const FAULTS = {
  'SIGKILL worker': { strike: killWorker },
  'SIGSTOP worker': { strike: pauseWorker },
  'SIGTERM worker': { strike: deploy },
  cancel: { strike: cancel },
  'terminate operation': { strike: terminateOperation },
  'SIGKILL PostgreSQL': { strike: strikeSurroundings, surroundings: ownPostgres },
  'SIGKILL Temporal': { strike: strikeSurroundings, surroundings: ownTemporal },
  'PostgreSQL silent': { strike: strikeSurroundings, surroundings: () => postgresBehind('silence') },
  'PostgreSQL resets': { strike: strikeSurroundings, surroundings: () => postgresBehind('reset') },
  'Temporal silent': { strike: strikeSurroundings, surroundings: () => temporalBehind('silence') },
  'Temporal resets': { strike: strikeSurroundings, surroundings: () => temporalBehind('reset') },
} as const satisfies Record<string, Kind>;
export type FaultName = keyof typeof FAULTS;

/** Runs one case of the matrix. @throws AssertionError for what did not hold */
export async function runCase(release: Release, path: Path, fault: FaultName): Promise<'held'> {
  return runFault(release, fault, (options) => standAt(release, path, options));
}

/** The same at no barrier, but so many milliseconds after the change began. */
export async function runMoment(release: Release, ms: number, fault: FaultName): Promise<'held'> {
  return runFault(release, fault, (options) => runFor(release, ms, options));
}

async function runFault(release: Release, name: FaultName, stand: (options: StackOptions) => Promise<Standing>): Promise<'held'> {
  const fault: Kind = FAULTS[name];
  const surroundings = (await fault.surroundings?.()) ?? null;
  let standing: Standing | null = null;
  try {
    standing = await stand(surroundings?.options ?? {});
    const { scene } = standing;
    // A restore by itself is only for where nobody writes.
    if (surroundings !== null && release !== 'undone by restore') {
      scene.writer = new Writer(scene.stack.database.url);
      await scene.writer.began();
    }
    await expectEnd(standing, await fault.strike(standing, surroundings), name);
    return 'held';
  } finally {
    // Hundreds of cases in one run: none may keep its worker.
    await standing?.scene.writer?.stop();
    await standing?.scene.stack.killWorker();
    await surroundings?.close();
  }
}

/** The answer, the data and what is left, as the release and the fault have it. */
export async function expectEnd({ scene, operation, point }: Standing, answer: Response, fault: FaultName): Promise<void> {
  const { release } = scene;
  if (point === null ? answer.status === 'cancelled' && fault === 'cancel' : endsByCancel(release, point, fault)) {
    expect(answer).toMatchObject({ status: 'cancelled', code: 'cancelled' });
    await expectState(scene, 'before');
  } else if (mayRefuse(point, fault) && isRefusal(answer)) {
    // The database was gone before anything was changed: that is an answer.
    await expectState(scene, 'before');
  } else if (release === 'applied') {
    expect(answer).toMatchObject({ status: 'success', result: { migrations_applied: 3, health_check: 'passed' } });
    await expectState(scene, 'after');
  } else {
    expect(answer).toMatchObject({ status: 'error', code: 'migration_failed', result: { rollback: { status: 'undone', by: release === 'undone by downs' ? 'down' : 'restore', verified: true } } });
    expect((answer as ErrorResponse).recovery.rollback_command).toBeUndefined();
    await expectState(scene, 'before');
  }
  await expectNothingLeft(scene, operation);
}

/** A cancel is too late where the undo runs already, and where the end is being recorded. */
function endsByCancel(release: Release, point: string, fault: FaultName): boolean {
  return fault === 'cancel' && release === 'applied' && !point.endsWith('endOperation');
}

const BEFORE_ANY_CHANGE = /^(before-recheckPlan|before-checkHealth|before-beginChange|after-beginChange|in-dump|after-createBackup|in-restore)$/;

/** What hits the database while nothing is changed yet may end the operation with an error that says so. */
function mayRefuse(point: string | null, fault: FaultName): boolean {
  return fault.includes('PostgreSQL') && (point === null || BEFORE_ANY_CHANGE.test(point));
}

function isRefusal(answer: Response): boolean {
  return answer.status === 'error' && ['health_check_failed', 'backup_failed', 'backup_unusable', 'plan_failed'].includes(answer.code);
}
