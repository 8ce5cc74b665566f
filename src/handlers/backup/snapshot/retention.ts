/** Snapshots whose manifest has gone, and servers whose operation has. Only what we made, by its tags: never an automated snapshot, and never anybody else's. */
import type { BackupRecord } from '../../../contract/backup.js';
import type { ConnectionTarget } from '../../database/contract.js';
import type { Leftover, Store } from '../contract.js';
import { hostedIn } from './check.js';
import { ask, type SnapshotContext } from './context.js';
import { deleteMade } from './delete-server.js';
import { isBusy, isMissing } from './errors.js';
import type { HostedSnapshot } from './hosted.js';
import { operationTag, scratchName, sideName, snapshotName } from './names.js';
import { isMadeBy } from './restored-server.js';
import { TAG, tagValue } from './tags.js';

const GIB = 2 ** 30;

async function remove(context: SnapshotContext, name: string, isOurs: (snapshot: HostedSnapshot) => boolean): Promise<void> {
  const { servers } = context;
  const about = { code: 'backup_failed', what: `delete ${servers.words.snapshot} ${name}`, resources: [servers.snapshotArn(name)], state: 'It stays, and is paid for' } as const;
  await ask(context, 'deleteSnapshot', about, async () => {
    const snapshot = await servers.findSnapshot(name);
    if (snapshot === null || !snapshot.manual || !isOurs(snapshot)) return;
    await servers.deleteSnapshot(name).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  });
}

/** After its manifest has gone. */
export async function discardSnapshot(context: SnapshotContext, record: BackupRecord): Promise<void> {
  await remove(context, hostedIn(record).snapshot_id, ({ tags }) => tags[TAG.backup] === record.backup_id);
}

/** Of an attempt that ended without a manifest. One that is still being made cannot be deleted: it is found as a left-over later. */
export async function abandonSnapshot(context: SnapshotContext, store: Store, backupId: string, operationId: string): Promise<void> {
  const isOurs = ({ tags }: HostedSnapshot) => tags[TAG.backup] === backupId && tags[TAG.operation] === operationTag(operationId) && tags[TAG.store] === tagValue(store.id);
  await remove(context, snapshotName(backupId), isOurs).catch((error: unknown) => {
    if (!isBusy((error as Error).cause)) throw error;
  });
}

export async function leftoverSnapshots(context: SnapshotContext, store: Store, untouchedMs: number): Promise<Leftover[]> {
  const { servers } = context;
  const id = await context.id();
  const about = { code: 'backup_failed', what: `describe ${servers.words.snapshot}`, resources: [servers.serverArn(id), servers.snapshotArn('*')], state: 'Nothing was changed' } as const;
  const found = await ask(context, 'describeSnapshots', about, () => servers.snapshotsOf(id));
  const { backups, damaged } = await store.listBackups();
  const known = new Set([...backups.map((one) => one.backup_id), ...damaged]);
  const isLeft = ({ tags, takenAt, manual, status }: HostedSnapshot) =>
    manual && status === 'available' && tags[TAG.backup] !== undefined && tags[TAG.store] === tagValue(store.id) && !known.has(tags[TAG.backup]!) && takenAt !== null && Date.now() - takenAt.getTime() > untouchedMs;
  return found.filter(isLeft).map((snapshot) => ({
    name: snapshot.id, bytes: snapshot.storageGib * GIB,
    remove: () => remove(context, snapshot.id, ({ tags }) => tags[TAG.backup] === snapshot.tags[TAG.backup] && tags[TAG.store] === tagValue(store.id)),
  }));
}


/** Servers beside the one that serves, of operations that have ended: terminated, nobody was left to delete them, and they are paid for. */
export async function leftoverServers(context: SnapshotContext, target: ConnectionTarget): Promise<Leftover[]> {
  const { servers } = context;
  const id = await context.id();
  const about = { code: 'backup_failed', what: `describe ${servers.words.server}`, resources: ['*'], state: 'Nothing was changed' } as const;
  const there = new Map((await ask(context, 'describe', about, () => servers.list(id.slice(0, 40)))).map((server) => [server.id, server]));
  const ended = (await context.database.bookkeeping.remembered(target)).filter(({ ended_at }) => ended_at !== null);
  return ended.flatMap(({ operation_id }) => ([['side', sideName(id, operation_id)], ['proof', scratchName(id, operation_id)]] as const).flatMap(([role, name]) => {
    const server = there.get(name);
    if (server === undefined || server.status === 'deleting' || !isMadeBy(server, operation_id, role)) return [];
    return [{ name, bytes: server.storageGib * GIB, remove: () => deleteMade(context, name, operation_id, role, new AbortController().signal) }];
  }));
}
