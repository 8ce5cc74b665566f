/** Deletes a server that an operation made beside the one that serves. Nobody else's, and never one that serves. */
import { ask, type SnapshotContext } from './context.js';
import { isBusy, isMissing } from './errors.js';
import { poll } from './poll.js';
import { isMadeBy } from './restored-server.js';

/** A server that is being made cannot be deleted yet. */
const LIMIT_MS = 60 * 60_000;

/** The snapshot that it was made from stays, so that none of it is lost. Idempotent; returns once it is being deleted. */
export async function deleteMade(context: SnapshotContext, id: string, operationId: string, role: 'side' | 'proof', signal: AbortSignal): Promise<void> {
  const { servers, pace } = context;
  const about = { code: 'restore_failed', what: `delete ${servers.words.server} ${id}`, resources: [servers.serverArn(id)], state: 'It was made beside the one that serves, and is paid for until it is deleted' } as const;
  await ask(context, 'delete', about, () => poll(async () => {
    const there = await servers.find(id);
    if (there === null || there.status === 'deleting' || !isMadeBy(there, operationId, role)) return true;
    try {
      await servers.delete(there, null);
      return true;
    } catch (error) {
      if (isMissing(error)) return true;
      if (isBusy(error)) return null;
      throw error;
    }
  }, { pace, signal, limit: LIMIT_MS }));
}
