/** A Temporal dev server for tests, the demo and `faber-db dev`: loopback, in memory unless a file is given. */
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { freePort, isFree } from './free-port.js';
import { withoutTemporal } from './local-temporal.js';
import { startGroup, type GroupProcess } from './process-group.js';

export interface TemporalServer {
  /** `host:port` for clients and workers. */
  address: string;
  namespace: string;
  /** Address of the Web UI; null when headless. */
  webUi: string | null;
  /** Path of the CLI that runs the server. */
  cli: string;
  pid: number;
  /** Resolves when the server is gone, whoever ended it. */
  closed: GroupProcess['closed'];
  /** Its log; only the server is in there. */
  folder: string;
  stop(): Promise<void>;
  /** SIGKILLs it; what its file holds stays. */
  crash(): Promise<void>;
  /** Lets it outlive this process. */
  leaveRunning(): void;
}

export interface TemporalServerOptions {
  /** Without the Web UI. */
  headless?: boolean;
  /** Port of the server; without it a free one. */
  port?: number;
  /** Port of the Web UI; without it a free one. */
  uiPort?: number;
  /** Keeps the state in this SQLite file, so that it survives a restart. */
  databaseFile?: string;
}

const HOST = '127.0.0.1';

/**
 * Starts `temporal server start-dev` and waits until the namespace `default` answers.
 * @param cli path of the `temporal` program.
 * @throws Error with the end of the server's output when it does not come up, or naming the wished port that is taken.
 */
export async function startTemporal(cli: string, options: TemporalServerOptions = {}): Promise<TemporalServer> {
  // Otherwise the server of somebody else would answer in place of ours.
  for (const port of [options.port, options.headless ? undefined : options.uiPort]) {
    if (port !== undefined && !(await isFree(port))) throw new Error(`Port ${port} is in use already: end what listens there, or choose another port.`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'faber-db-temporal-'));
  const port = options.port ?? (await freePort());
  const uiPort = options.headless ? null : (options.uiPort ?? (await freePort()));
  const log = await open(join(folder, 'server.log'), 'w');
  const group = await startGroup(cli, serverArguments(port, uiPort, options.databaseFile), {
    cwd: folder,
    env: withoutTemporal(),
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const stop = async () => {
    await group.stop('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  const address = `${HOST}:${port}`;
  if (!(await answers(address, group))) {
    await group.stop('SIGTERM');
    const tail = (await readFile(join(folder, 'server.log'), 'utf8')).slice(-2000);
    await stop();
    throw new Error(`The Temporal dev server did not start on ${address}:\n${tail}`);
  }
  return {
    address,
    namespace: 'default',
    webUi: uiPort === null ? null : `http://${HOST}:${uiPort}`,
    cli,
    pid: group.pid,
    closed: group.closed,
    folder,
    stop,
    crash: () => group.stop('SIGKILL', 0),
    leaveRunning: () => group.leaveRunning(),
  };
}

function serverArguments(port: number, uiPort: number | null, databaseFile: string | undefined): string[] {
  return [
    'server', 'start-dev', '--ip', HOST, '--port', String(port), '--log-level', 'error',
    ...(uiPort === null ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(databaseFile ? ['--db-filename', databaseFile] : []),
  ];
}

async function answers(address: string, group: GroupProcess): Promise<boolean> {
  let gone = false;
  void group.closed.then(() => (gone = true));
  for (const until = Date.now() + 60_000; !gone && Date.now() < until; ) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: '2s' });
      try {
        await connection.workflowService.describeNamespace({ namespace: 'default' });
        return true;
      } finally {
        await connection.close();
      }
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return false;
}
