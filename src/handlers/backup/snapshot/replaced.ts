/** The servers that restores replaced and kept: found, and deleted when their time has come, with a final snapshot. */
import { FaberError } from '../../../contract/failure.js';
import type { ConnectionTarget } from '../../database/contract.js';
import type { ReplacedDatabase } from '../contract.js';
import { ask, on, type SnapshotContext } from './context.js';
import { isBusy, isMissing } from './errors.js';
import { finalSnapshotName, keptName, looksReplaced } from './names.js';

const GIB = 2 ** 30;

/** Which operation made it is told by hashing the ids that the database remembers. */
export async function replacedServers(context: SnapshotContext, target: ConnectionTarget): Promise<ReplacedDatabase[]> {
  const { servers } = context;
  const id = await context.id();
  const about = { code: 'restore_failed', what: `describe ${servers.words.server}`, resources: ['*'], state: 'Nothing was changed' } as const;
  const found = (await ask(context, 'describe', about, () => servers.list(id.slice(0, 40)))).filter((server) => looksReplaced(id, server.id));
  if (found.length === 0) return [];
  const remembered = await context.database.bookkeeping.remembered(target).catch((error: unknown) => {
    if (error instanceof FaberError) return [];
    throw error;
  });
  return found.map((server) => ({
    name: server.id, size_bytes: server.storageGib * GIB, operation: remembered.find(({ operation_id }) => keptName(id, operation_id) === server.id) ?? null,
  }));
}

/** @returns null when it is gone or on its way, or why it stays */
export async function dropReplacedServer(context: SnapshotContext, target: ConnectionTarget, name: string): Promise<string | null> {
  const { servers } = context;
  const id = await context.id();
  if (!looksReplaced(id, name) || name === id) return `it is not ${servers.words.server} that a restore replaced`;
  const about = { code: 'restore_failed', what: `delete ${servers.words.server} ${name}`, resources: [servers.serverArn(name), servers.snapshotArn(finalSnapshotName(name))], state: 'It stays' } as const;
  return ask(context, 'delete', about, async () => {
    const server = await servers.find(name);
    if (server === null || server.status === 'deleting') return null;
    if ((await servers.find(id)) === null) return `there is no ${servers.words.server} ${id}: it may be all that is left`;
    const its = on(context, target, server);
    const sessions = its === null ? null : await context.access.connected(its);
    if (sessions === null) return `it cannot be told whether somebody is connected to it: it is ${server.status}`;
    if (sessions > 0) return 'it is in use: somebody is connected to it';
    const final = finalSnapshotName(name);
    const there = await servers.findSnapshot(final);
    if (there !== null && there.status !== 'available') return `its final snapshot ${final} is ${there.status}`;
    try {
      // Its last state is kept as a snapshot, which is taken by the deletion unless an earlier try has taken it.
      await servers.delete(server, there === null || there.sourceId !== name ? final : null);
      return null;
    } catch (error) {
      if (isMissing(error)) return null;
      if (isBusy(error)) return `it is ${server.status}`;
      throw error;
    }
  });
}
