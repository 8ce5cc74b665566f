/** Operations that change nothing in the database: no approval, no lock. */
import { ApplicationFailure, CancellationScope, setHandler, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { LoadedOperation } from '../activities/contract.js';
import type { OperationInput, OperationName, Response, Settings } from '../contract/index.js';
import { cancelledAnswer, failureAnswer, planAnswer } from './guarded/answers.js';
import { createBackup } from './guarded/back-up.js';
import { unhealthyFacts } from './guarded/health.js';
import { endOperation } from './guarded/end.js';
import { operationInput, requireUsableId } from './guarded/operation-input.js';
import { Progress } from './guarded/progress.js';
import { factsOf, StopHere, stepsOn, type Steps } from './guarded/steps.js';
import { DESCRIPTIONS, stateQuery } from './messages.js';
import { cleanUpAfterBackup } from './retention.js';

/** What runs at night, with nobody to see it fail. Of what only looks there is nothing to record. */
const RECORDED: ReadonlySet<OperationName> = new Set<OperationName>(['backup', 'verify-backup', 'cleanup-backups', 'build', 'evaluate', 'release']);

type Work = (loaded: LoadedOperation, progress: Progress) => Promise<Response>;

/** Runs `run`, shows its state, and answers by the contract whatever happens. */
export async function answering(operation: OperationName, argument: OperationInput, run: (input: OperationInput, progress: Progress) => Promise<Response>): Promise<Response> {
  const input = operationInput(argument);
  const progress = new Progress(operation, input.requested_by);
  setHandler(stateQuery, () => progress.view({ approvals: [], refused: [], refusedCount: 0 }), { description: DESCRIPTIONS.state });
  let answer: Response;
  try {
    requireUsableId();
    answer = await run(input, progress);
  } catch (error) {
    answer = answerOfFailure(operation, progress, error);
  }
  progress.answer = answer;
  progress.phase = 'finished';
  if (answer.status !== 'error') return answer;
  throw ApplicationFailure.create({ message: answer.error, type: answer.code, nonRetryable: true, details: [answer] });
}

function answerOfFailure(operation: OperationName, progress: Progress, error: unknown): Response {
  const environment = progress.environment || undefined;
  return isCancellation(error) ? cancelledAnswer(operation, environment, 'cancelled', 'Cancelled') : failureAnswer(operation, environment, factsOf(error));
}

/** The same for an operation on one environment, whose config is loaded first. */
export async function unguarded(operation: OperationName, argument: OperationInput, work: Work): Promise<Response> {
  const startedAt = Date.now();
  return answering(operation, argument, async (input, progress) => {
    const loaded = await stepsOn(null).reading.loadOperation({ operation, request: input.request });
    progress.environment = loaded.settings.environment;
    try {
      return await work(loaded, progress);
    } catch (error) {
      const answer = answerOfFailure(operation, progress, error);
      if (RECORDED.has(operation)) await recordFailure(loaded.settings, operation, answer, progress, startedAt);
      return answer;
    }
  });
}

async function recordFailure(settings: Settings, operation: string, answer: Response, progress: Progress, startedAt: number): Promise<void> {
  const facts = {
    operationId: workflowInfo().workflowId, operation, settings, requestedBy: progress.requestedBy, startedAt,
    planHash: null, decisions: [], refused: [], began: false, backup: null, applied: 0, answer,
  };
  await CancellationScope.nonCancellable(() => endOperation(stepsOn(settings), facts, progress));
}

/** The plan, without changing anything. */
export async function migratePreview(input: OperationInput): Promise<Response> {
  return unguarded('migrate-preview', input, async (loaded) => {
    const outcome = await stepsOn(loaded.settings).reading.planOperation({ ...loaded, operation_id: workflowInfo().workflowId });
    return outcome.kind === 'answered' ? outcome.response : planAnswer('migrate-preview', outcome.plan, loaded.settings, outcome.nothing_to_do);
  });
}

/** A verified backup. Not exclusive: it may run while a change waits for a person. */
export async function backup(input: OperationInput): Promise<Response> {
  const startedAt = Date.now();
  return unguarded('backup', input, async ({ settings, request }, progress) => {
    const parameters = request.parameters as { label?: string; reason?: string };
    const steps = stepsOn(settings);
    await requireReachable(steps, settings);
    progress.enter('backing_up', 'Backing up');
    const taken = await createBackup(steps, {
      operation_id: workflowInfo().workflowId, settings, label: parameters.label ?? null, reason: parameters.reason ?? null,
    });
    let made = taken.backup;
    if (taken.level === 'proven' && made.level !== 'proven') {
      progress.enter('verifying_backup', `Restoring ${made.backup_id} into a scratch database to prove it`);
      made = await steps.changing.proveBackup({ settings, backup_id: made.backup_id });
    }
    const cleanup = settings.backup.auto_cleanup ? await CancellationScope.nonCancellable(() => cleanUpAfterBackup(settings)) : null;
    if (cleanup !== null && 'error' in cleanup) progress.note(`Clean-up: ${cleanup.error}`);
    const answer: Response = {
      status: 'success', operation: 'backup', environment: settings.environment,
      result: { ...made, ...(cleanup === null ? {} : { cleanup }) }, message: `Backup ${made.backup_id} of ${settings.environment}: ${made.level}`,
    };
    await endOperation(steps, {
      operationId: workflowInfo().workflowId, operation: 'backup', settings, requestedBy: progress.requestedBy, startedAt,
      planHash: null, decisions: [], refused: [], began: false, backup: made, applied: 0, answer,
    }, progress);
    return answer;
  });
}

/** A change that has begun waits for a server that comes back; who asks for a backup is told at once. */
export async function requireReachable(steps: Steps, settings: Settings): Promise<void> {
  const { checks } = await steps.reading.checkHealth({ settings, artifact: null });
  const connectivity = checks.filter((check) => check.name === 'connectivity' && check.status === 'unhealthy');
  if (connectivity.length === 0) return;
  const facts = unhealthyFacts(connectivity);
  throw new StopHere({ code: 'health_check_failed', message: `The database cannot be reached: ${connectivity[0]!.detail}`, ...facts });
}

/** The backups in the store, newest first. */
export async function listBackups(input: OperationInput): Promise<Response> {
  return answered('list-backups', () => stepsOn(null).reading.listBackups({ request: operationInput(input).request }));
}

/** What the config wants to run by itself, for whoever brings Temporal's schedules in line with it. */
export async function readSchedules(input: OperationInput): Promise<Response> {
  return answered('read-schedules', () => stepsOn(null).reading.readSchedules({ request: operationInput(input).request }));
}

/** An operation that is one activity, about no environment or several. */
async function answered(operation: OperationName, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    const answer = failureAnswer(operation, undefined, factsOf(error));
    throw ApplicationFailure.create({ message: answer.error, type: answer.code, nonRetryable: true, details: [answer] });
  }
}
