/** Restores a snapshot to a server beside the one that serves, set up as that one is. */
import { FaberError, type ErrorCode } from '../../../contract/failure.js';
import { ask, askOnce, type SnapshotContext } from './context.js';
import { isBusy, isTaken, passes } from './errors.js';
import type { HostedServer } from './hosted.js';
import { operationTag } from './names.js';
import { poll } from './poll.js';
import { TAG } from './tags.js';
import { REST_LIMIT_MS, waitAvailable, type WaitOptions } from './wait-server.js';

/** Each round sets what is still otherwise; what a host rounds or refuses silently stays otherwise for ever. */
const MOST_ROUNDS = 6;

export interface Restored<S extends HostedServer> {
  snapshotId: string;
  newId: string;
  like: S;
  operationId: string;
  role: 'side' | 'proof';
  wait: WaitOptions;
}

/**
 * Idempotent: the one that an attempt before asked for is found by its name and tags, and waited for.
 * @throws FaberError of the given code
 */
export async function restoredServer<S extends HostedServer>(context: SnapshotContext<S>, what: Restored<S>): Promise<S> {
  const { servers, pace } = context;
  const { newId, like, wait } = what;
  await requested(context, what);
  for (let round = 1; ; round += 1) {
    const made = await waitAvailable(context, newId, { ...wait, settled: true });
    const about = { code: wait.code, what: `set up ${servers.words.server} ${newId}`, resources: [servers.serverArn(newId)], state: wait.state } as const;
    const settled = await ask(context, 'modify', about, () => poll(() => unlessBusy(servers.finish(made, like, what.role === 'side')), { pace, signal: wait.signal, limit: REST_LIMIT_MS }));
    if (settled === true) {
      const other = servers.deviations(made, like);
      if (other.length === 0 || what.role === 'proof') return made;
      throw failed(wait.code, `${servers.words.server} ${newId} was restored with other settings than ${like.id} has (${other.join('; ')})`, wait.state);
    }
    if (round >= MOST_ROUNDS) throw failed(wait.code, `settings of ${like.id} could not be set on ${newId}: ${servers.deviations(made, like).join('; ') || 'RDS does not take them'}`, wait.state);
  }
}

async function unlessBusy<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isBusy(error)) return null;
    throw error;
  }
}

const failed = (code: Extract<ErrorCode, 'backup_failed' | 'restore_failed'>, reason: string, state: string) =>
  new FaberError({ code, message: `${reason}. ${state}`, result: code === 'backup_failed' ? { backup_error: reason } : { reason } });

async function requested<S extends HostedServer>(context: SnapshotContext<S>, { snapshotId, newId, like, operationId, role, wait }: Restored<S>): Promise<void> {
  const { servers, pace } = context;
  const tags = { [TAG.role]: role, [TAG.operation]: operationTag(operationId), [TAG.snapshot]: snapshotId, [TAG.source]: like.resourceId };
  const about = { code: wait.code, what: `restore ${servers.words.snapshot}`, resources: [servers.snapshotArn(snapshotId), servers.serverArn(newId)], state: wait.state } as const;
  const restore = async (): Promise<true | null> => {
    const there = await askOnce(context, 'describe', { ...about, what: `describe ${servers.words.server}` }, () => servers.find(newId));
    if (there !== null) {
      if (isMadeBy(there, operationId, role)) return true;
      throw failed(wait.code, `there is ${servers.words.server} ${newId} already, and this operation did not make it`, wait.state);
    }
    try {
      await servers.restore(snapshotId, newId, like, tags);
      return true;
    } catch (error) {
      // Whether it was done, the next look tells.
      if (isTaken(error) || isBusy(error) || passes(error)) return null;
      throw error;
    }
  };
  if ((await ask(context, 'restore', about, () => poll(restore, { pace, signal: wait.signal, limit: REST_LIMIT_MS }))) === null) {
    throw failed(wait.code, `${servers.words.snapshot} ${snapshotId} cannot be restored now: it is busy, or AWS throttles the requests of this account`, wait.state);
  }
}

export function isMadeBy({ tags }: HostedServer, operationId: string, role: 'side' | 'proof'): boolean {
  return tags[TAG.role] === role && tags[TAG.operation] === operationTag(operationId);
}
