/** Takes a manual snapshot. An attempt after a crash finds the one that is being made, by its name and its tags, and goes on waiting. */
import { z } from 'zod';
import type { BackupRecord, HostedSnapshotFacts } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';
import { barrier } from '../../barrier.js';
import type { ConnectionTarget } from '../../database/contract.js';
import type { BackupOptions, Store } from '../contract.js';
import { ask, askOnce, type SnapshotContext } from './context.js';
import { isBusy, isTaken, passes } from './errors.js';
import type { HostedServer, HostedSnapshot } from './hosted.js';
import { snapshotName, operationTag } from './names.js';
import { poll } from './poll.js';
import { restoreCommands } from './restore-commands.js';
import { requireSameServer } from './same-server.js';
import { begunIn, begunTag, digestOf, manifestTags, TAG, tagValue } from './tags.js';
import { REST_LIMIT_MS, waitAvailable } from './wait-server.js';

const STATE = 'Nothing was changed';
const GIB = 2 ** 30;

const Begun = z.object({ position: z.string(), lsn: z.string().nullable(), at: z.string() });

/** @throws FaberError backup_failed with `result.backup_error`. What was asked for of the host goes on and is found by the next attempt of this id. */
export async function createSnapshot(context: SnapshotContext, target: ConnectionTarget, store: Store, options: BackupOptions): Promise<BackupRecord> {
  const finished = await store.getBackup(options.backupId).catch((error: unknown) => {
    if (error instanceof FaberError && error.code === 'backup_not_found') return null;
    throw error;
  });
  if (finished !== null) return finished;
  const identity = await context.database.identify(target);
  const wait = { code: 'backup_failed', state: STATE, signal: options.signal, onProgress: options.onWait } as const;
  const server = await waitAvailable(context, await context.id(), wait);
  await requireSameServer(context, target, server);
  const name = snapshotName(options.backupId);
  const snapshot = await available(context, name, server, options, await requested(context, target, store, server, name, options));
  if (snapshot.encrypted !== server.encrypted) throw failed(`the snapshot ${name} is ${snapshot.encrypted ? '' : 'not '}encrypted, and its source is ${server.encrypted ? '' : 'not'}`);
  const begun = Begun.safeParse(begunIn(snapshot.tags));
  if (!begun.success) throw failed(`the tags of the snapshot ${name} were changed while it was made`);
  const hosted: HostedSnapshotFacts = {
    snapshot_id: name, arn: snapshot.arn, region: await context.servers.region(), source_id: server.id, source_resource_id: server.resourceId,
    engine: snapshot.engine, engine_version: snapshot.engineVersion, encrypted: snapshot.encrypted, kms_key_id: snapshot.kmsKeyId, storage_gib: snapshot.storageGib,
    taken_at: (snapshot.takenAt ?? new Date()).toISOString(),
  };
  const record: BackupRecord = {
    manifest_version: 1,
    backup_id: options.backupId,
    environment: options.settings.environment,
    identity: identity.identity,
    database: identity.database,
    provider: context.database.provider,
    server_version: identity.serverVersion,
    created_at: new Date().toISOString(),
    store_id: store.id,
    file: name,
    format: context.servers.format,
    compression: 'none',
    size_bytes: snapshot.storageGib * GIB,
    sha256: digestOf(hosted),
    level: 'checked',
    proven_at: null,
    tables: null,
    ledger_digest: options.ledgerDigest,
    ...(options.ledger && { ledger: options.ledger }),
    ...(options.incompleteState && { incomplete_state: options.incompleteState }),
    snapshot: { position: begun.data.position, lsn: begun.data.lsn },
    label: options.label,
    reason: options.reason,
    operation_id: options.operationId,
    duration_seconds: Math.round((Date.now() - Date.parse(begun.data.at)) / 100) / 10,
    hosted,
    restore_commands: restoreCommands(context.servers.format, hosted),
  };
  const tags = { [TAG.sha256]: record.sha256, ...manifestTags(record) };
  await ask(context, 'tag', { code: 'backup_failed', what: `tag ${context.servers.words.snapshot}`, resources: [context.servers.snapshotArn(name)], state: STATE }, () =>
    poll(async () => (await context.servers.tag(snapshot.arn, tags), true), { pace: context.pace, signal: options.signal }));
  await store.beginBackup(options.backupId);
  await store.commitBackup(record);
  return record;
}

const failed = (reason: string, suggestions: string[] = [], facts: Record<string, unknown> = {}) =>
  new FaberError({ code: 'backup_failed', message: `The backup failed: ${reason}. ${STATE}`, result: { backup_error: reason, ...facts }, suggestions });

/** The snapshot, asked for by this attempt or by one before. */
async function requested(context: SnapshotContext, target: ConnectionTarget, store: Store, server: HostedServer, name: string, options: BackupOptions): Promise<HostedSnapshot | null> {
  const { servers } = context;
  const about = { code: 'backup_failed', what: `create ${servers.words.snapshot}`, resources: [servers.serverArn(server.id), servers.snapshotArn(name)], state: STATE } as const;
  let tags: Readonly<Record<string, string>> | null = null;
  const create = async (): Promise<HostedSnapshot | true | null> => {
    const there = await askOnce(context, 'describeSnapshots', { ...about, what: `describe ${servers.words.snapshot}` }, () => servers.findSnapshot(name));
    if (there !== null) return requireOurs(there, server, options);
    tags ??= {
      [TAG.backup]: options.backupId, [TAG.environment]: tagValue(options.settings.environment), [TAG.operation]: operationTag(options.operationId ?? options.backupId),
      [TAG.store]: tagValue(store.id), [TAG.source]: server.resourceId, ...begunTag({ ...(await context.access.position(target)), at: new Date().toISOString() }),
    };
    try {
      await servers.createSnapshot(server.id, name, tags);
      return true;
    } catch (error) {
      // An answer that was lost, or a name that an attempt of ours took: looked at next. A server that is busy is waited for.
      if (isTaken(error) || isBusy(error) || passes(error)) return null;
      throw error;
    }
  };
  const got = await ask(context, 'createSnapshot', about, () => poll(create, { pace: context.pace, signal: options.signal, limit: REST_LIMIT_MS }));
  if (got === null) throw failed(`${servers.words.server} ${server.id} takes no snapshot now: it is busy, or AWS throttles the requests of this account`, ['See its events in the RDS console', 'Try again']);
  await barrier('in-snapshot', options.signal);
  return got === true ? null : got;
}

function requireOurs(there: HostedSnapshot, server: HostedServer, { backupId, operationId }: BackupOptions): HostedSnapshot {
  const { tags } = there;
  if (there.manual && tags[TAG.backup] === backupId && tags[TAG.operation] === operationTag(operationId ?? backupId) && tags[TAG.source] === server.resourceId) return there;
  // Another operation that takes a backup in this very second: then another id will do.
  const facts = tags[TAG.backup] === backupId ? { id_taken: true } : {};
  throw failed(`there is a snapshot ${there.id} already, and this operation did not make it`, ['Look at it, and delete it if nobody needs it; or take the backup again, under another id'], facts);
}

async function available(context: SnapshotContext, name: string, server: HostedServer, options: BackupOptions, first: HostedSnapshot | null): Promise<HostedSnapshot> {
  const { servers } = context;
  let missing = 0;
  const look = async (): Promise<HostedSnapshot | null> => {
    const snapshot = await servers.findSnapshot(name);
    if (snapshot === null) {
      // What was asked for may not be listed at once.
      if ((missing += 1) > 5) throw failed(`the snapshot ${name} of ${server.id} disappeared while it was made`);
      return null;
    }
    options.onPercent?.(snapshot.percent, name);
    if (snapshot.status === 'available') return requireOurs(snapshot, server, options);
    if (snapshot.status === 'creating' || snapshot.status === 'copying') return null;
    // A failed one is worth nothing, and would keep its name.
    await servers.deleteSnapshot(name).catch(() => undefined);
    throw failed(`the snapshot ${name} of ${server.id} ended as ${snapshot.status}`, [`See the events of ${server.id} in the RDS console`, 'Try again']);
  };
  if (first?.status === 'available') return first;
  const about = { code: 'backup_failed', what: `describe ${servers.words.snapshot}`, resources: [servers.snapshotArn(name)], state: STATE } as const;
  const snapshot = await ask(context, 'describeSnapshots', about, () => poll(look, { pace: context.pace, signal: options.signal }));
  return snapshot!;
}
