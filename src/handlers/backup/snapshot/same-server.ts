/** That the URL leads to the server of which snapshots are taken: a backup of another one would be none. */
import { FaberError } from '../../../contract/failure.js';
import type { ConnectionTarget } from '../../database/contract.js';
import { on, type SnapshotContext } from './context.js';
import type { HostedServer } from './hosted.js';

/** @throws FaberError backup_failed when it leads elsewhere; health_check_failed when one of the two cannot be reached */
export async function requireSameServer(context: SnapshotContext, target: ConnectionTarget, server: HostedServer): Promise<void> {
  const own = on(context, target, server);
  if (own !== null && (await context.access.isSameServer(target, own))) return;
  const reason = `the URL leads to ${target.describe()}, and ${context.servers.words.server} ${server.id} is another server${own === null ? '' : ` (${own.describe()})`}`;
  throw new FaberError({
    code: 'backup_failed',
    message: `No backup can be taken: ${reason}. Nothing was changed`,
    result: { backup_error: reason },
    suggestions: ['Correct rds_instance_id or rds_cluster_id of the environment, or the URL on the worker'],
  });
}
