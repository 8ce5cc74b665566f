/** `faber-db dev`: a Temporal dev server and a worker, for as long as the command runs. */
import { resolve } from 'node:path';
import { FaberError, type ErrorCode } from '../contract/failure.js';
import { DEFAULT_TASK_QUEUE } from '../contract/names.js';
import { temporalCli } from './temporal-cli.js';
import { startTemporal } from './temporal-server.js';
import { startWorker } from './worker-process.js';

export interface DevOptions {
  /** Port of the Temporal server, 7233 unless said: where clients look when nothing else is set. 0: a free one. */
  port?: number;
  /** Port of the Web UI, 8233 unless said. 0: a free one. */
  uiPort?: number;
  headless?: boolean;
  /** Keeps Temporal's state in this SQLite file. */
  databaseFile?: string;
  taskQueue?: string;
}

/**
 * Runs both until a signal (SIGINT, SIGTERM, SIGHUP) or until one of them ends by itself. All that it says goes to stderr.
 * @returns the exit code: 0 after a signal, 1 when server or worker ended by itself.
 * @throws FaberError temporal_unavailable, no_worker: one of them does not start, and why; the other is stopped.
 */
export async function runDev(options: DevOptions = {}): Promise<number> {
  const say = (line: string) => console.error(line);
  const signal = nextSignal();
  const taskQueue = options.taskQueue ?? process.env['FABER_DB_TASK_QUEUE'] ?? DEFAULT_TASK_QUEUE;
  const { port = 7233, uiPort = 8233, headless, databaseFile } = options;
  const server = await starting('temporal_unavailable', async () => startTemporal(await temporalCli(say), {
    ...(port === 0 ? {} : { port }), ...(uiPort === 0 ? {} : { uiPort }), ...(headless ? { headless } : {}), ...(databaseFile ? { databaseFile: resolve(databaseFile) } : {}),
  }));
  try {
    say(`Temporal  ${server.address}${server.webUi ? `   Web UI ${server.webUi}` : ''}`);
    const worker = await starting('no_worker', () => startWorker({ address: server.address, namespace: server.namespace, taskQueue }));
    try {
      say(`Worker    polls ${taskQueue} (pid ${worker.pid}). Ctrl-C ends both.`);
      const ended = await Promise.race([
        signal.then(() => null),
        worker.closed.then(() => 'The worker'),
        server.closed.then(() => 'The Temporal server'),
      ]);
      if (ended) say(`${ended} ended by itself; stopping the other.`);
      return ended ? 1 : 0;
    } finally {
      // The worker first: it finishes or hands back what it is doing, for which it needs the server.
      await worker.stop('SIGTERM', 30_000);
    }
  } finally {
    await server.stop();
  }
}

/** Only what we write ourselves is in these messages, and the end of the server's log. */
async function starting<T>(code: ErrorCode, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    throw new FaberError({ code, message: (error as Error).message }, { cause: error });
  }
}

function nextSignal(): Promise<void> {
  return new Promise((done) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => done());
  });
}
