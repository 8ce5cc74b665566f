/** Renames a server and waits until it has its new name. What is there counts, not what was heard: an answer may be lost. */
import { FaberError } from '../../../contract/failure.js';
import { ask, type SnapshotContext } from './context.js';
import { isBusy, isMissing, isTaken, passes } from './errors.js';
import { poll } from './poll.js';
import { REST_LIMIT_MS } from './wait-server.js';

export interface Renaming {
  from: string;
  to: string;
  /** Of the server that is to have the new name: another one there is none of ours. */
  resourceId: string;
  signal: AbortSignal;
  /** How things stand when it fails. */
  state: string;
  onProgress?: ((what: string) => void) | undefined;
}

/** @throws FaberError restore_failed when it is refused */
export async function rename(context: SnapshotContext, { from, to, resourceId, signal, state, onProgress }: Renaming): Promise<void> {
  const { servers, pace } = context;
  const about = { code: 'restore_failed', what: `rename ${servers.words.server} ${from} to ${to}`, resources: [servers.serverArn(from), servers.serverArn(to)], state } as const;
  const asked = { at: -Infinity };
  const step = async (): Promise<true | null> => {
    const there = await servers.find(to);
    if (there !== null && there.resourceId !== resourceId) throw taken(to, state);
    if (there !== null) {
      onProgress?.(`${to} is ${there.status}`);
      return there.status === 'available' && there.unready.length === 0 ? true : null;
    }
    const old = await servers.find(from);
    onProgress?.(`${from} is being renamed to ${to}`);
    // The host takes a name change as one of several, and shows the old name until it is made. Not heard of for long: asked for again.
    if (old === null || old.renamingTo !== null || old.status !== 'available' || performance.now() - asked.at < ASK_AGAIN_MS) return null;
    asked.at = performance.now();
    await servers.rename(from, to).catch((error: unknown) => {
      if (isTaken(error) || isBusy(error) || isMissing(error) || passes(error)) return;
      throw error;
    });
    return null;
  };
  if ((await ask(context, 'modify', about, () => poll(step, { pace, signal, limit: REST_LIMIT_MS }))) === true) return;
  throw new FaberError({ code: 'restore_failed', message: `${from} did not become ${to} in time. ${state}`, result: { reason: 'the rename did not come about' } });
}

const ASK_AGAIN_MS = 60_000;

const taken = (name: string, state: string) =>
  new FaberError({ code: 'restore_failed', message: `Another server than the expected one is called ${name}. ${state}`, result: { reason: 'the name is taken' } });
