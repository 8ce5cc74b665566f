/**
 * Exchanges the restored server with the one that serves: serving → kept, restored → serving, so that the name of the endpoint stays.
 * There is no server under the name in between. What each crash leaves, and that calling again repairs it: shut out, not yet renamed: begins
 * anew; the first renamed: only forward, or back where the second is refused; both renamed: waits until it serves.
 */
import { FaberError } from '../../../contract/failure.js';
import { barrier } from '../../barrier.js';
import type { ConnectionTarget, Session } from '../../database/contract.js';
import { ask, on, type SnapshotContext } from './context.js';
import type { HostedServer } from './hosted.js';
import { keptName, sideName } from './names.js';
import { poll } from './poll.js';
import { NAME_LIMIT_MS } from './prove.js';
import { rename } from './rename.js';
import { isMadeBy } from './restored-server.js';

export interface Names { live: string; side: string; kept: string }
export interface States { live: HostedServer | null; side: HostedServer | null; kept: HostedServer | null }

export const namesOf = (id: string, operationId: string): Names => ({ live: id, side: sideName(id, operationId), kept: keptName(id, operationId) });

/** Which of the three there are; the restored one only where this operation made it. */
export async function statesOf(context: SnapshotContext, names: Names, operationId: string, signal: AbortSignal): Promise<States> {
  const { servers, pace } = context;
  const about = { code: 'restore_failed', what: `describe ${servers.words.server}`, resources: [servers.serverArn(names.live)], state: 'Nothing was exchanged' } as const;
  const find = async (id: string) => (await ask(context, 'describe', about, () => poll(async () => ({ found: await servers.find(id) }), { pace, signal })))!.found;
  const [live, side, kept] = [await find(names.live), await find(names.side), await find(names.kept)];
  return { live, kept, side: side !== null && isMadeBy(side, operationId, 'side') ? side : null };
}

export interface SwapOptions {
  operationId: string;
  guard: (replaced: Session | null) => Promise<void>;
  signal: AbortSignal;
  onProgress?: ((what: string) => void) | undefined;
}

/** @returns the name under which the replaced one is kept; null where there was none. @throws FaberError restore_failed, or what the guard throws */
export async function swapServers(context: SnapshotContext, target: ConnectionTarget, options: SwapOptions): Promise<{ kept_as: string | null }> {
  const { operationId, signal } = options;
  const names = namesOf(await context.id(), operationId);
  const states = await statesOf(context, names, operationId, signal);
  if (states.kept !== null) {
    await goForward(context, names, states, options);
  } else if (states.side === null) {
    throw new FaberError({ code: 'restore_failed', message: `There is no restored ${context.servers.words.server} ${names.side} to put in the place of ${names.live}`, result: { reason: 'nothing was restored' } });
  } else if (states.live === null) {
    const side = on(context, target, states.side);
    if (side !== null) await context.access.begin(side);
    await rename(context, { from: names.side, to: names.live, resourceId: states.side.resourceId, signal, state: `It is called ${names.side}` });
    return { kept_as: null };
  } else {
    await exchange(context, target, names, states.live, states.side, options);
  }
  await waitServing(context, target, names, signal);
  return { kept_as: names.kept };
}

async function exchange(context: SnapshotContext, target: ConnectionTarget, names: Names, live: HostedServer, side: HostedServer, options: SwapOptions): Promise<void> {
  const { operationId, guard, signal, onProgress } = options;
  // From the first rename on nobody may stop here: there would be no server under the name. Whoever dies is followed by an attempt that goes on.
  const unstoppable = new AbortController().signal;
  const sideTarget = on(context, target, side);
  if (sideTarget === null) throw new FaberError({ code: 'restore_failed', message: `${names.side} has no endpoint. Nothing was exchanged`, result: { reason: 'no endpoint' } });
  await context.access.exchange(target, {
    operationId, side: sideTarget, guard, signal,
    async rename() {
      await barrier('swap-before-renames');
      try {
        await rename(context, { from: names.live, to: names.kept, resourceId: live.resourceId, signal: unstoppable, state: 'Nothing was exchanged', onProgress });
      } catch (error) {
        await putBack(context, target, names, live, unstoppable);
        throw error;
      }
      await barrier('swap-between-renames');
      try {
        await rename(context, { from: names.side, to: names.live, resourceId: side.resourceId, signal: unstoppable, state: `${names.live} is put back`, onProgress });
      } catch (error) {
        await putBack(context, target, names, live, unstoppable);
        throw error;
      }
      await barrier('swap-after-renames');
    },
  });
}

/** The one that served serves again: from its own name nobody goes back if the restored one has it already. */
async function putBack(context: SnapshotContext, target: ConnectionTarget, names: Names, live: HostedServer, signal: AbortSignal): Promise<void> {
  const state = `No ${context.servers.words.server} is called ${names.live} now: the one that served is ${names.kept}, the restored one ${names.side}`;
  const kept = await statesOf(context, names, '', signal).then(({ kept: found }) => found);
  if (kept !== null) {
    try {
      await rename(context, { from: names.kept, to: names.live, resourceId: live.resourceId, signal, state });
    } catch (error) {
      // Another attempt goes on from what is there.
      throw new FaberError({ code: 'health_check_failed', message: state, result: { connectivity: 'failed', error_details: state }, suggestions: [`The operation tries again by itself. By hand: give ${names.side} (restored) or ${names.kept} (as it was) the identifier ${names.live} in the RDS console`] }, { cause: error });
    }
  }
  await context.access.reopen(target).catch(() => undefined);
}

/** The first rename has happened, and everything before it: only the second may be left. */
async function goForward(context: SnapshotContext, names: Names, { live, side }: States, { onProgress }: SwapOptions): Promise<void> {
  const { signal } = new AbortController();
  if (live !== null) return;
  if (side === null) throw new FaberError({ code: 'restore_failed', message: `Neither ${names.live} nor ${names.side} is there, only ${names.kept}`, result: { reason: 'the restored one is gone' } });
  await rename(context, { from: names.side, to: names.live, resourceId: side.resourceId, signal, state: `No ${context.servers.words.server} is called ${names.live} now`, onProgress });
}

/** @throws FaberError health_check_failed: it is exchanged, and the next attempt waits on */
export async function waitServing(context: SnapshotContext, target: ConnectionTarget, names: Names, signal: AbortSignal): Promise<void> {
  const serves = await poll(async () => (await context.access.serves(target)) || null, { pace: context.pace, signal, limit: NAME_LIMIT_MS });
  if (serves !== null) return;
  const reason = `${names.live} is the restored one now, and ${target.describe()} does not lead to it yet`;
  throw new FaberError({ code: 'health_check_failed', message: reason, result: { connectivity: 'failed', error_details: reason } });
}
