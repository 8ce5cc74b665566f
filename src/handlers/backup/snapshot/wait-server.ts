/** Waits for a server to be there and at rest, or to have gone. */
import { FaberError } from '../../../contract/failure.js';
import { ask, type SnapshotContext } from './context.js';
import type { HostedServer } from './hosted.js';
import { poll } from './poll.js';

/** From these it does not come back by itself. */
const LOST = /^(failed|incompatible-.*|inaccessible-encryption-credentials.*|restore-error|deleting|deleted|stopped|storage-full|insufficient-capacity)$/;
/** A window of maintenance, an automated backup, a change of class: what is waited for before it is given up. */
export const REST_LIMIT_MS = 60 * 60_000;

export interface WaitOptions {
  code: 'backup_failed' | 'restore_failed';
  state: string;
  signal: AbortSignal;
  onProgress?: ((what: string) => void) | undefined;
  limit?: number;
  /** Also until all changes that were asked for are made; one that waits for a window would keep a server that serves for days. */
  settled?: boolean;
}

/** @throws FaberError of `code` when it is missing, cannot be had in this state, or does not come to rest in time */
export async function waitAvailable<S extends HostedServer>(context: SnapshotContext<S>, id: string, options: WaitOptions): Promise<S> {
  const { servers, pace } = context;
  const begun = performance.now();
  let last = 'unknown';
  const failed = (what: string, suggestions: string[]) => {
    const reason = `${servers.words.server} ${id} ${what}`;
    return new FaberError({ code: options.code, message: `${reason}. ${options.state}`, result: { ...(options.code === 'backup_failed' ? { backup_error: reason } : { reason }), server_status: last }, suggestions });
  };
  const look = async (): Promise<S | null> => {
    const server = await servers.find(id);
    if (server === null) throw failed('was not found', [`Is it in the region ${await servers.region()}? Set environments.<env>.region`, `List what is there: aws rds ${servers.format === 'rds-snapshot' ? 'describe-db-instances' : 'describe-db-clusters'}`]);
    last = [server.status, ...server.unready].join(', ');
    if (LOST.test(server.status)) throw failed(`is ${server.status}, and must be available`, [server.status === 'stopped' ? 'Start it' : 'See its events in the RDS console, and mend it']);
    if (server.status === 'available' && !(options.settled && server.changing) && server.unready.length === 0) return server;
    options.onProgress?.(`${servers.words.server} ${id} is ${server.status === 'available' ? 'being changed' : server.status}, waited ${Math.round((performance.now() - begun) / 1000)} s`);
    return null;
  };
  const about = { code: options.code, what: `describe ${servers.words.server}`, resources: [servers.serverArn(id)], state: options.state };
  const server = await ask(context, 'describe', about, () => poll(look, { pace, signal: options.signal, limit: options.limit ?? REST_LIMIT_MS }));
  if (server !== null) return server;
  throw failed(`is not available: it is ${last} after ${Math.round((performance.now() - begun) / 1000)} s of waiting`, ['See its events in the RDS console', 'Try again when it is available']);
}
