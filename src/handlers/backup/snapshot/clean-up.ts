/** Removes what an operation made beside the server that serves. The replaced one is never touched. */
import type { ConnectionTarget } from '../../database/contract.js';
import { deleteMade } from './delete-server.js';
import type { SnapshotContext } from './context.js';
import { rename } from './rename.js';
import { scratchName } from './names.js';
import { namesOf, statesOf } from './swap.js';

/**
 * Idempotent. In the middle of an exchange the restored one is all there is to serve: it is given the name, as its swap would have. Before
 * it, connections are let in again where the swap had shut them out.
 */
export async function cleanUpServers(context: SnapshotContext, target: ConnectionTarget, operationId: string): Promise<void> {
  const { signal } = new AbortController();
  const id = await context.id();
  const names = namesOf(id, operationId);
  const { live, side, kept } = await statesOf(context, names, operationId, signal);
  if (side !== null && kept !== null && live === null) {
    return rename(context, { from: names.side, to: names.live, resourceId: side.resourceId, signal, state: `The one that served is ${names.kept}` });
  }
  if (side !== null && live !== null && kept === null) {
    await context.access.reopen(target);
    await deleteMade(context, names.side, operationId, 'side', signal);
  }
  await deleteMade(context, scratchName(id, operationId), operationId, 'proof', signal);
}
