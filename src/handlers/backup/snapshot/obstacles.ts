/** Why the server cannot be replaced by a restored one, and what will be otherwise: known when a plan is made. */
import type { BackupRecord } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';
import type { ConnectionTarget } from '../../database/contract.js';
import { levelFor } from '../contract.js';
import { hostedIn } from './check.js';
import { looksReplaced } from './names.js';
import { TAG } from './tags.js';
import { ask, type SnapshotContext } from './context.js';
import type { HostedServer } from './hosted.js';
import { poll } from './poll.js';
import { requireSameServer } from './same-server.js';

async function serving<S extends HostedServer>(context: SnapshotContext<S>, code: 'backup_failed' | 'restore_failed'): Promise<{ id: string; server: S | null }> {
  const { servers, pace } = context;
  const id = await context.id();
  const about = { code, what: `describe ${servers.words.server}`, resources: [servers.serverArn(id)], state: 'Nothing was changed' } as const;
  const { signal } = new AbortController();
  return { id, server: (await ask(context, 'describe', about, () => poll(async () => ({ found: await servers.find(id) }), { pace, signal })))!.found };
}

/** An exchange that nobody finished leaves no server under the name, and the two that may have it. */
async function missing(context: SnapshotContext, id: string): Promise<string> {
  const { servers } = context;
  const left = (await servers.list(id.slice(0, 40)).catch(() => [])).filter(({ tags, id: name }) => looksReplaced(id, name) || tags[TAG.role] === 'side');
  const hint = left.length === 0 ? '' : `; an exchange that was broken off left ${left.map((one) => one.id).join(' and ')}: give the one that is to serve the identifier ${id} in the RDS console`;
  return `there is no ${servers.words.server} ${id} in ${await servers.region()}${hint}`;
}

/** @throws FaberError when the database or AWS cannot be reached */
export async function snapshotObstacles(context: SnapshotContext, target: ConnectionTarget, record: BackupRecord): Promise<string[]> {
  const { servers, access } = context;
  const { id, server } = await serving(context, 'restore_failed');
  if (server === null) return [`${await missing(context, id)}. By hand: ${record.restore_commands.join(' && ')}`];
  const hosted = hostedIn(record);
  const region = await servers.region();
  const others = await access.otherDatabases(target);
  const { identity } = await context.database.identify(target, { mayBeMissing: true });
  const about = { code: 'restore_failed', what: `describe what depends on ${id}`, resources: ['*'], state: 'Nothing was changed' } as const;
  return [
    ...(hosted.region === region ? [] : [`the snapshot is in the region ${hosted.region}, and ${id} is in ${region}`]),
    // Roles and passwords are those of the snapshot: one of another server would let nobody of this one in.
    ...(record.identity === identity ? [] : [`the snapshot is of another server or database (${record.identity}); only a dump can be restored across`]),
    ...(hosted.engine === server.engine ? [] : [`the snapshot is of ${hosted.engine}, and ${id} is ${server.engine}`]),
    ...(others.length === 0 ? [] : [`a snapshot holds the whole server, and these databases on ${id} would be taken back as well: ${others.join(', ')}`]),
    ...(server.ownAddresses.some((address) => access.at(target, address).describe() === target.describe()) ? ['the URL names one of its instances, whose endpoint would stay with the replaced one: use the endpoint of the cluster'] : []),
    ...(await leadsElsewhere(context, target, server)),
    ...(await ask(context, 'describe', about, () => servers.obstacles(server))),
  ];
}

async function leadsElsewhere(context: SnapshotContext, target: ConnectionTarget, server: HostedServer): Promise<string[]> {
  try {
    await requireSameServer(context, target, server);
    return [];
  } catch (error) {
    if (error instanceof FaberError && error.code === 'backup_failed') return [String(error.result?.['backup_error'])];
    throw error;
  }
}

export async function snapshotDifferences(context: SnapshotContext, record: BackupRecord): Promise<string[]> {
  const { servers } = context;
  const { id, server } = await serving(context, 'restore_failed');
  if (server === null) return [];
  const { engine_version: version } = hostedIn(record);
  return [
    `Restored to a new ${servers.words.server}, set up as ${id}: ${servers.describeSettings(server)}`,
    `Under the name ${id} there is no server for some minutes: two renames, one after the other, for which AWS gives no bound`,
    'Until every block was read once, the restored storage is slow: it is loaded in the background',
    `The replaced one is kept, shut to the application and paid for in full, until retention deletes it with a final snapshot; to look into it: ALTER DATABASE … ALLOW_CONNECTIONS true at its own endpoint`,
    'Automated backups and point-in-time recovery begin anew with the restored one; those of the replaced one stay with it',
    ...(version === server.engineVersion ? [] : [`The snapshot is of version ${version}, and ${id} has ${server.engineVersion}: it serves with ${version} again`]),
    ...servers.differences(server),
  ];
}

/** @throws FaberError backup_failed, saying what is missing */
export async function snapshotPreflight(context: SnapshotContext, target: ConnectionTarget, settings: Settings): Promise<{ findings: string[] }> {
  const { servers } = context;
  const { id, server } = await serving(context, 'backup_failed');
  if (server === null) {
    const reason = await missing(context, id);
    throw new FaberError({ code: 'backup_failed', message: `No backup can be taken: ${reason}. Nothing was changed`, result: { backup_error: reason }, suggestions: ['Correct region, rds_instance_id or rds_cluster_id of the environment'] });
  }
  await requireSameServer(context, target, server);
  const busy = server.status === 'available' ? [] : [`${servers.words.server} ${id} is ${server.status}: its snapshot waits until it is available`];
  const proven = levelFor(settings, 0) === 'proven';
  return {
    findings: [
      `The backup is an ${servers.words.snapshot} of ${id}, ${proven ? 'proven by restoring it to a server of its own, which takes long and is paid for' : 'checked (available, encrypted as its source, tags as the manifest) and not proven by a restore'}`,
      ...busy,
    ],
  };
}
