/** Snapshots whose manifest has gone. Only those that we made, by their tags: never an automated one, and never anybody else's. */
import type { BackupRecord } from '../../../contract/backup.js';
import type { Leftover, Store } from '../contract.js';
import { hostedIn } from './check.js';
import { ask, type SnapshotContext } from './context.js';
import { isBusy, isMissing } from './errors.js';
import type { HostedSnapshot } from './hosted.js';
import { operationTag, snapshotName } from './names.js';
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

