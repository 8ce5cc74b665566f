/** A faber-db worker as a child process, for the demo and `faber-db dev`. */
import { open, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { localTemporal } from './local-temporal.js';
import { startGroup, type GroupProcess } from './process-group.js';

export interface WorkerProcessOptions {
  /** `host:port` of the Temporal server. */
  address: string;
  namespace: string;
  taskQueue: string;
  /** More variables, such as the databases' URLs. */
  env?: Record<string, string>;
  /** Its output goes to this file; without one, to our stderr. */
  logFile?: string;
}

/** worker.js lies at the top of dist, this file in dist/src/dev. */
const WORKER = fileURLToPath(new URL('../../worker.js', import.meta.url));

/**
 * Starts a worker and waits until the server sees it polling.
 * @throws Error with the end of its log when it ends before, or is not there after 60 seconds.
 */
export async function startWorker(options: WorkerProcessOptions): Promise<GroupProcess> {
  const { address, namespace, taskQueue, env, logFile } = options;
  const log = logFile ? await open(logFile, 'a', 0o600) : null;
  const worker = await startGroup(process.execPath, [WORKER], {
    env: { ...localTemporal(address, namespace), FABER_DB_TASK_QUEUE: taskQueue, ...env },
    stdio: ['ignore', log?.fd ?? 2, log?.fd ?? 2],
  });
  await log?.close();
  if (await polls(worker, options)) return worker;
  await worker.stop('SIGTERM');
  const said = logFile ? `:\n${(await readFile(logFile, 'utf8')).slice(-2000)}` : '; its reason stands above';
  throw new Error(`The worker did not start${said}`);
}

async function polls(worker: GroupProcess, { address, namespace, taskQueue }: WorkerProcessOptions): Promise<boolean> {
  let gone = false;
  void worker.closed.then(() => (gone = true));
  const connection = await Connection.connect({ address });
  try {
    for (const until = Date.now() + 60_000; !gone && Date.now() < until; ) {
      // 1: pollers of workflow tasks, which every worker of ours has.
      const { pollers } = await connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue }, taskQueueType: 1 });
      if (pollers && pollers.length > 0) return true;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return false;
  } finally {
    await connection.close();
  }
}
