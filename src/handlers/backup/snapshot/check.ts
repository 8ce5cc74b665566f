/** *Checked*, of a snapshot: it is there, available, encrypted as its source, and its tags are those of the manifest. Nobody can read it to the end. */
import type { BackupRecord, HostedSnapshotFacts } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';
import { ask, type SnapshotContext } from './context.js';
import { digestOf, TAG } from './tags.js';
import { poll } from './poll.js';

/** @throws FaberError backup_unusable; backup_failed when it could not be asked */
export async function checkSnapshot(context: SnapshotContext, record: BackupRecord, signal: AbortSignal): Promise<void> {
  const { servers } = context;
  const hosted = hostedIn(record);
  const region = await servers.region();
  if (hosted.region !== region) throw unusable(record, `its snapshot is in the region ${hosted.region}, and the environment is in ${region}`);
  const about = { code: 'backup_failed', what: `describe ${servers.words.snapshot}`, resources: [servers.snapshotArn(hosted.snapshot_id)], state: 'Nothing was changed' } as const;
  const snapshot = await ask(context, 'describeSnapshots', about, () => poll(async () => ({ found: await servers.findSnapshot(hosted.snapshot_id) }), { pace: context.pace, signal }));
  const found = snapshot!.found;
  if (found === null) throw unusable(record, `its snapshot ${hosted.snapshot_id} is not there any more`);
  if (found.status !== 'available') throw unusable(record, `its snapshot is ${found.status}`);
  if (found.encrypted !== hosted.encrypted || found.kmsKeyId !== hosted.kms_key_id) throw unusable(record, 'its snapshot is encrypted otherwise than its manifest says');
  if (found.tags[TAG.sha256] !== record.sha256 || found.tags[TAG.backup] !== record.backup_id) throw unusable(record, 'the tags of its snapshot are not those of its manifest');
}

/** What the manifest says about the snapshot. @throws FaberError backup_unusable */
export function hostedIn(record: BackupRecord): HostedSnapshotFacts {
  const { hosted } = record;
  if (hosted !== undefined && digestOf(hosted) === record.sha256) return hosted;
  throw unusable(record, 'its manifest is damaged: it does not say of which snapshot it is');
}

function unusable(record: Pick<BackupRecord, 'backup_id'>, reason: string): FaberError {
  return new FaberError({
    code: 'backup_unusable',
    message: `Backup ${record.backup_id} cannot be used: ${reason}`,
    result: { backup_id: record.backup_id, reason },
    suggestions: ['Choose another backup: faber-db list-backups', 'Take a new backup before any change'],
  });
}
