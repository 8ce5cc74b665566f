/** Where a database is hosted somewhere else, the cloud plugin provides its server, and that is waited for, however long it takes. */
import { ActivityCancellationType, proxyActivities, sleep, workflowInfo } from '@temporalio/workflow';
import type { ChangingActivities, LoadedOperation } from '../../activities/contract.js';
import type { Progress } from './progress.js';
import { endedByCancel, factsOf, StopHere } from './steps.js';

/** Where the config says nothing (integration.cloud_timeout_seconds). */
const DEFAULT_LIMIT_SECONDS = 3600;
/** What cannot be asked now may be there in a minute. */
const TRANSIENT: ReadonlySet<string> = new Set(['unreachable', 'http_status', 'timeout']);
const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 300_000;
const SHORTEST_WAIT_MS = 1_000;
/** Each costs about eleven events, and the server ends a workflow of 51,200. */
const MOST_ASKED = 2_000;

/**
 * How long to wait before asking again. What a plugin wishes counts, but for one that would be asked so often that the history is full.
 * @param limitMs how long is waited in all
 */
export function pauseMs(waitMs: number, wishedSeconds: number | undefined, limitMs: number): number {
  return Math.round(Math.max(SHORTEST_WAIT_MS, limitMs / MOST_ASKED, wishedSeconds === undefined ? waitMs : wishedSeconds * 1000));
}

/** @throws StopHere plugin_failed, when it fails or takes longer than the config allows; CancelledFailure */
export async function awaitInfrastructure({ settings, request }: LoadedOperation, progress: Progress, show: () => void): Promise<void> {
  const integration = settings.integration;
  if (settings.hosting === 'local' || !integration?.cloud_plugin) return;
  const { database_name: name } = request.parameters as { database_name?: string };
  const cloudRequest = {
    action: 'ensure-database', operation_id: workflowInfo().workflowId, environment: settings.environment, hosting: settings.hosting,
    region: integration.region, database_name: name ?? null, working_directory: settings.working_directory,
  } as const;
  const limit = integration.cloud_timeout_seconds ?? DEFAULT_LIMIT_SECONDS;
  const end = Date.now() + limit * 1000;
  const { askCloud } = proxyActivities<Pick<ChangingActivities, 'askCloud'>>({
    ...(settings.task_queue ? { taskQueue: settings.task_queue } : {}),
    startToCloseTimeout: '10 minutes',
    heartbeatTimeout: `${settings.safety.heartbeat_timeout_seconds} seconds`,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    // Asked again by the loop, which shows it.
    retry: { initialInterval: '1 second', maximumAttempts: 2 },
  });
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 1.5, LONGEST_WAIT_MS)) {
    const answer = await ask(cloudRequest);
    if (answer.status === 'ready') {
      progress.note(`The server is ready${answer.message ? `: ${answer.message}` : ''}`);
      return;
    }
    if (answer.status === 'failed') throw new StopHere({ code: 'plugin_failed', message: `The server could not be provided: ${answer.message}; nothing was changed`, suggestions: [`Ask again: faber-db initialize-database ${settings.environment}`] });
    const pause = pauseMs(wait, answer.retry_after_seconds, limit * 1000);
    if (Date.now() + pause > end) {
      throw new StopHere({
        code: 'plugin_failed',
        message: `The server is not ready after ${limit} s (integration.cloud_timeout_seconds)${answer.message ? `; last heard: ${answer.message}` : ''}; nothing was changed`,
        suggestions: [`Go on waiting: faber-db initialize-database ${settings.environment}`, 'Or raise integration.cloud_timeout_seconds'],
      });
    }
    progress.enter('waiting_for_infrastructure', `Waiting for the server${answer.message ? `: ${answer.message}` : ''}`);
    show();
    await sleep(pause);
  }

  async function ask(cloud: typeof cloudRequest) {
    try {
      return await askCloud({ settings, request: cloud });
    } catch (error) {
      if (endedByCancel(error)) throw error;
      const facts = factsOf(error);
      const failure = facts.result?.['failure'];
      if (typeof failure !== 'string' || !TRANSIENT.has(failure)) throw new StopHere({ ...facts, message: `${facts.message}; nothing was changed` });
      return { status: 'pending', message: facts.message, retry_after_seconds: undefined } as const;
    }
  }
}
