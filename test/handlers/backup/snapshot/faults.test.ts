import { join } from 'node:path';
import { CreateDBInstanceCommand, CreateDBSnapshotCommand, DescribeDBSnapshotsCommand, ModifyDBInstanceCommand, RDSClient } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BackupRecord } from '../../../../src/contract/backup.js';
import type { Settings } from '../../../../src/contract/settings.js';
import type { BackupHandler, Store } from '../../../../src/handlers/backup/contract.js';
import { openStore } from '../../../../src/handlers/backup/index.js';
import { PostgresSnapshotDatabase } from '../../../../src/handlers/backup/snapshot/postgresql/index.js';
import { namesOf } from '../../../../src/handlers/backup/snapshot/swap.js';
import { manifestIn, tagsOf } from '../../../../src/handlers/backup/snapshot/tags.js';
import type { ConnectionTarget } from '../../../../src/handlers/database/contract.js';
import { createDatabase } from '../../../support/postgres.js';
import { uniqueName } from '../../../support/aws.js';
import type { ProxiedRequest } from '../../../support/fault-proxy.js';
import { RdsCloud } from '../../../support/rds-cloud.js';
import { tempDir } from '../../../support/temp.js';
import { database, never, settingsFor } from '../setup.js';
import { handlerFor, optionsOf } from './setup.js';

const id = uniqueName('shop');
let cloud: RdsCloud;
let settings: Settings;
let store: Store;
let target: ConnectionTarget;
let backups: BackupHandler;

beforeAll(async () => {
  cloud = await RdsCloud.start();
  const server = await cloud.create(id);
  const db = await createDatabase({ name: 'shop', server });
  await db.query('CREATE TABLE item (n int)');
  settings = settingsFor(join(await tempDir(), 'store'), { method: 'snapshot', verify: 'checked' });
  store = await openStore(settings);
  const url = new URL(db.url);
  ({ host: url.hostname } = cloud.address(id));
  url.port = String(cloud.port);
  target = database.target(url.href);
  await database.bookkeeping.ensure(target);
  backups = handlerFor(cloud, id);
});
afterEach(() => cloud.proxy.heal());
afterAll(() => cloud.stop());

let taken = 0;
const nextId = () => `backup-20260101-${String((taken += 1)).padStart(6, '0')}`;
const action = (name: string) => (request: ProxiedRequest) => request.action === name;
const create = (backupId = nextId()) => backups.create(target, store, optionsOf(settings, backupId));
const asked = (backupId: string) => cloud.asked('CreateDBSnapshot').filter((one) => one.get('DBSnapshotIdentifier') === `faber-db-${backupId}`).length;
const query = async (sql: string) => {
  const session = await database.connect(target, 'test');
  try {
    return await session.query(sql);
  } finally {
    await session.close();
  }
};

describe('taking a snapshot', () => {
  it('waits where it is throttled, and reads an answer that was lost from what is there: it is asked for once', async () => {
    const backupId = nextId();
    cloud.proxy.fail(action('CreateDBSnapshot'), { kind: 'error', status: 400, code: 'Throttling' }, 2);
    cloud.proxy.fail(action('CreateDBSnapshot'), { kind: 'cut-response', afterBytes: 0 }, 1);
    cloud.proxy.fail(action('DescribeDBSnapshots'), { kind: 'error', status: 503, code: 'ServiceUnavailable' }, 2);
    const record = await create(backupId);
    const { DBSnapshots } = await cloud.client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: record.hosted!.snapshot_id }));
    expect(manifestIn(tagsOf(DBSnapshots![0]!.TagList))).toEqual(JSON.parse(JSON.stringify(record)));
    expect(asked(backupId)).toBe(3);
  });

  it('goes on with the one that an attempt before asked for, whose worker died', async () => {
    const backupId = nextId();
    const died = new AbortController();
    const first = backups.create(target, store, { ...optionsOf(settings, backupId), signal: died.signal, onPercent: () => died.abort(new Error('the worker died')) });
    await expect(first).rejects.toThrow('the worker died');
    const record = await create(backupId);
    expect(record.backup_id).toBe(backupId);
    expect(asked(backupId)).toBe(1);
  });

  it('names what is missing where it is not allowed', async () => {
    cloud.proxy.fail(action('CreateDBSnapshot'), { kind: 'error', status: 403, code: 'AccessDenied', message: 'User: arn:aws:iam::1:user/x is not authorized' });
    const backupId = nextId();
    await expect(create(backupId)).rejects.toMatchObject({
      code: 'backup_failed', result: { backup_error: 'Insufficient permissions to create RDS snapshot' },
      suggestions: [expect.stringContaining(`"Action":["rds:CreateDBSnapshot"],"Resource":["arn:aws:rds:*:*:db:${id}","arn:aws:rds:*:*:snapshot:faber-db-${backupId}"]`) as string, expect.anything()],
    });
  });

  it('that fails is told and deleted', async () => {
    cloud.proxy.fail(action('DescribeDBSnapshots'), { kind: 'rewrite', body: (text) => text.replace(/<Status>\w+</, '<Status>failed<') });
    const backupId = nextId();
    await expect(create(backupId)).rejects.toMatchObject({ code: 'backup_failed', message: expect.stringContaining('ended as failed') as string });
    cloud.proxy.heal();
    await expect(cloud.client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: `faber-db-${backupId}` }))).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
  });

  it('never takes over a snapshot that it did not make', async () => {
    const theirs = nextId();
    await cloud.client.send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: id, DBSnapshotIdentifier: `faber-db-${theirs}` }));
    await expect(create(theirs)).rejects.toMatchObject({ code: 'backup_failed', message: expect.stringContaining('this operation did not make it') as string, result: { backup_error: expect.anything() as unknown } });
    // Another operation in the very same second: the caller takes the next id.
    const raced = nextId();
    await create(raced);
    await store.removeBackup(raced, async () => false);
    await expect(backups.create(target, store, { ...optionsOf(settings, raced), operationId: 'op-2' })).rejects.toMatchObject({ result: { id_taken: true } });
    // And what it gives up then is not the other's.
    await backups.abandon!(store, raced, 'op-2');
    expect(await backups.leftovers!(target, store, 0)).toMatchObject([{ name: `faber-db-${raced}` }]);
    await backups.abandon!(store, raced, 'op-1');
    expect(await backups.leftovers!(target, store, 0)).toEqual([]);
  });

  it('waits for an instance that is busy, and not for one that is stopped or missing', async () => {
    const shown = (status: string) => ({ kind: 'rewrite' as const, body: (text: string) => text.replace(/<DBInstanceStatus>\w+</, `<DBInstanceStatus>${status}<`) });
    cloud.proxy.fail(action('DescribeDBInstances'), shown('modifying'), 2);
    // A change that waits for its window is nothing to wait for.
    cloud.proxy.fail(action('DescribeDBInstances'), { kind: 'rewrite', body: (text) => text.replace('<MultiAZ>', '<PendingModifiedValues><DBInstanceClass>db.m5.large</DBInstanceClass></PendingModifiedValues><MultiAZ>') });
    cloud.proxy.fail(action('CreateDBSnapshot'), { kind: 'error', status: 400, code: 'InvalidDBInstanceState' }, 1);
    const waited: string[] = [];
    await backups.create(target, store, { ...optionsOf(settings, nextId()), onWait: (what) => waited.push(what) });
    expect(waited[0]).toMatch(/is modifying, waited \d+ s/);
    cloud.proxy.heal();
    cloud.proxy.fail(action('DescribeDBInstances'), shown('stopped'));
    await expect(create()).rejects.toMatchObject({ code: 'backup_failed', message: expect.stringContaining(`RDS instance ${id} is stopped`) as string, suggestions: ['Start it'] });
    cloud.proxy.heal();
    await expect(handlerFor(cloud, 'nowhere').create(target, store, optionsOf(settings, nextId()))).rejects.toMatchObject({ message: expect.stringContaining('nowhere was not found') as string });
    await expect(handlerFor(cloud, 'nowhere').preflight(target, settings, store)).rejects.toMatchObject({ message: expect.stringContaining('there is no RDS instance nowhere in eu-central-1') as string });
  });

  it('is asked for as the role of the config, and a role that may not be assumed is told as that', async () => {
    const role = 'arn:aws:iam::123456789012:role/faber-db';
    expect((await handlerFor(cloud, id, null, role).preflight(target, settings, store)).findings[0]).toContain(`RDS snapshot of ${id}`);
    expect(cloud.asked('AssumeRole').map((one) => one.get('RoleArn'))).toEqual([role]);
    cloud.proxy.fail(action('AssumeRole'), { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized to perform: sts:AssumeRole' });
    await expect(handlerFor(cloud, id, null, `${role}-other`).preflight(target, settings, store)).rejects.toMatchObject({ code: 'backup_failed', message: expect.stringContaining(`the role ${role}-other`) as string });
  });

  it('is unusable when it is deleted, or says otherwise than its manifest', async () => {
    const record = await create();
    await expect(backups.check(store, { ...record, hosted: { ...record.hosted!, region: 'us-east-1' } }, never)).rejects.toMatchObject({ code: 'backup_unusable' });
    cloud.proxy.fail(action('DescribeDBSnapshots'), { kind: 'rewrite', body: (text) => text.replace('<Encrypted>false', '<Encrypted>true') }, 1);
    await expect(backups.check(store, record, never)).rejects.toMatchObject({ message: expect.stringContaining('encrypted otherwise') as string });
    await backups.check(store, record, never);
  });
});

describe('an exchange', () => {
  let record: BackupRecord;
  let operation = 0;
  const isRename = ({ action: name, parameters }: ProxiedRequest) => name === 'ModifyDBInstance' && parameters.has('NewDBInstanceIdentifier');
  const isSecond = (request: ProxiedRequest) => isRename(request) && request.parameters.get('NewDBInstanceIdentifier') === id;
  const none = async () => {};
  /** Restored beside, with a row written since the backup. */
  async function restored(): Promise<string> {
    const operationId = `exchange-${(operation += 1)}`;
    await backups.restoreBeside(target, store, record, operationId, never);
    await query('INSERT INTO item VALUES (1)');
    return operationId;
  }
  beforeAll(async () => {
    record = await create();
  });

  it('that the guard refuses leaves all as it was, and what was restored is deleted', async () => {
    const operationId = await restored();
    await expect(backups.swap(target, operationId, () => Promise.reject(new Error('written since')), never)).rejects.toThrow('written since');
    expect(await query('SELECT n FROM item')).toEqual([{ n: 1 }]);
    const renames = cloud.proxy.seen.filter(isRename);
    expect(renames).toEqual([]);
    // A copy on another address is not the server that snapshots are taken of.
    const side = cloud.asked('RestoreDBInstanceFromDBSnapshot').at(-1)!.get('DBInstanceIdentifier')!;
    cloud.proxy.fail(({ parameters }) => parameters.get('DBInstanceIdentifier') === id, { kind: 'rewrite', body: (text) => text.replace(/<Address>.*?</, `<Address>${cloud.address(side).host}<`) });
    await expect(create()).rejects.toMatchObject({ code: 'backup_failed', message: expect.stringContaining('is another server') as string });
    cloud.proxy.heal();
    await backups.cleanUp(target, operationId);
    expect(cloud.server(side)).toBeNull();
  });

  it('goes back to the original when the second rename is refused', async () => {
    const operationId = await restored();
    cloud.proxy.fail(isSecond, { kind: 'error', status: 400, code: 'InvalidParameterValue', message: 'no' }, 1);
    const before = cloud.resourceIdOf(id);
    await expect(backups.swap(target, operationId, none, never)).rejects.toMatchObject({ code: 'restore_failed', message: expect.stringContaining(`${id} is put back`) as string });
    expect(cloud.resourceIdOf(id)).toBe(before);
    expect(await query('SELECT count(*)::int AS n FROM item')).toEqual([{ n: 2 }]);
    expect(await backups.keptBy(target, operationId)).toBeNull();
    // Its operation ended and nobody cleaned up: retention does.
    expect(await backups.leftovers!(target, store, 0)).toEqual([]);
    await query(`INSERT INTO faber_db.operations (operation_id, operation, environment, request_digest, begun_at, ended_at) VALUES ('${operationId}', 'restore', 'production', 'd', now(), now())`);
    const [left, ...more] = await backups.leftovers!(target, store, 0);
    expect([left!.name, more]).toEqual([namesOf(id, operationId).side, []]);
    await left!.remove();
    expect(cloud.server(left!.name)).toBeNull();
  });

  it('gives a database that takes writes, from a snapshot that was taken while they were held off', async () => {
    const fence = await database.bookkeeping.takeFence(target, 'holding', { signal: never, lockTimeoutSeconds: 5, timeoutSeconds: 5 });
    await database.holdWrites(target, fence, true);
    const held = await create();
    await database.holdWrites(target, fence, false);
    await backups.restoreBeside(target, store, held, 'overtaken', never);
    await expect(backups.swap(target, 'overtaken', none, never)).rejects.toMatchObject({ code: 'fenced_off' });
    await backups.cleanUp(target, 'overtaken');
    await backups.restoreBeside(target, store, held, 'holding', never);
    const { kept_as: kept } = await backups.swap(target, 'holding', none, never);
    await query('UPDATE faber_db.fence SET operation_id = NULL');
    expect(await query("SELECT setconfig FROM pg_db_role_setting WHERE array_to_string(setconfig, ' ') ~ 'read_only'")).toEqual([]);
    expect(await backups.dropReplaced(target, kept!)).toBeNull();
  });

  it('that is cancelled once the names change is finished all the same: there would be no database', async () => {
    const operationId = await restored();
    const cancelled = new AbortController();
    cloud.proxy.fail((request) => isRename(request) && (cancelled.abort(new Error('cancelled')), false), { kind: 'silence' });
    const { kept_as: kept } = await backups.swap(target, operationId, none, cancelled.signal).catch((error: unknown) => {
      // Only the wait for the name, after both renames, is cancelled.
      expect(error).toMatchObject({ message: 'cancelled' });
      return { kept_as: null };
    });
    expect(kept).toBeNull();
    expect(await backups.swap(target, operationId, none, never)).toEqual({ kept_as: await backups.keptBy(target, operationId) });
    expect(await query('SELECT n FROM item')).toEqual([]);
    await backups.dropReplaced(target, (await backups.keptBy(target, operationId))!);
  });

  it('that died between the renames goes forward when it is called again, and renames that lost their answer are not made twice', async () => {
    const operationId = await restored();
    await query(`INSERT INTO faber_db.operations (operation_id, operation, environment, request_digest, begun_at) VALUES ('${operationId}', 'restore', 'production', 'd', now())`);
    const names = namesOf(id, operationId);
    const died = new PostgresSnapshotDatabase(database).exchange(target, {
      operationId, side: new PostgresSnapshotDatabase(database).at(target, cloud.address(names.side)), guard: none, signal: never,
      async rename() {
        await cloud.client.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: names.live, NewDBInstanceIdentifier: names.kept, ApplyImmediately: true }));
        throw new Error('the worker died');
      },
    });
    await expect(died).rejects.toThrow('the worker died');
    expect(cloud.server(id)).toBeNull();
    expect((await backups.preflight(target, settings, store).catch((error: unknown) => error)) as Error).toMatchObject({ code: 'backup_failed', message: expect.stringContaining(`left ${names.side} and ${names.kept}`) as string });
    cloud.proxy.fail(isSecond, { kind: 'cut-response', afterBytes: 0 }, 1);
    // What each attempt does first, when it finds no database: it repairs.
    await backups.cleanUp(target, operationId);
    const kept = await backups.keptBy(target, operationId);
    expect(await backups.swap(target, operationId, none, never)).toEqual({ kept_as: kept });
    expect(await query('SELECT n FROM item')).toEqual([]);
    // Its own row has moved along, and the fence is a higher one: who held it has to take it again.
    expect(await database.bookkeeping.operation(target, operationId)).toMatchObject({ operation_id: operationId, ended_at: null });
    expect(cloud.proxy.seen.filter((one) => isRename(one) && one.parameters.get('DBInstanceIdentifier') === names.side)).toHaveLength(1);

    expect(await backups.replacedDatabases(target)).toMatchObject([{ name: kept, operation: { operation_id: operationId } }]);
    // It goes only with a final snapshot, and not while somebody is connected or nobody can tell.
    cloud.proxy.heal();
    cloud.proxy.fail(({ parameters }) => parameters.get('DBInstanceIdentifier') === kept, { kind: 'rewrite', body: (text) => text.replace(/<Address>.*?</, '<Address>127.0.0.1<') });
    expect(await backups.dropReplaced(target, kept!)).toMatch('cannot be told whether somebody is connected');
    cloud.proxy.heal();
    expect(await backups.dropReplaced(target, kept!)).toBeNull();
    expect(cloud.asked('DeleteDBInstance').at(-1)!.get('FinalDBSnapshotIdentifier')).toBe(`faber-db-final-${kept}`);
    expect(await backups.dropReplaced(target, id)).toMatch('not');
  });
});

describe('replaced instances', () => {
  it('are found on every page of a list', async () => {
    const elsewhere = new RDSClient({ endpoint: cloud.proxy.endpoint, region: 'us-west-2', credentials: await cloud.client.config.credentials() });
    const names = Array.from({ length: 103 }, (_, at) => `${id}-replaced-${String(at).padStart(10, '0')}`);
    for (const name of names) await elsewhere.send(new CreateDBInstanceCommand({ DBInstanceIdentifier: name, DBInstanceClass: 'db.t3.micro', Engine: 'postgres', AllocatedStorage: 20, MasterUsername: 'u', MasterUserPassword: 'not-used-here' }));
    elsewhere.destroy();
    const found = await handlerFor(cloud, id, 'us-west-2').replacedDatabases(target);
    expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    expect(found.every(({ operation }) => operation === null)).toBe(true);
  });
});

describe('a restore is refused', () => {
  const changed = (from: RegExp | string, to: string) => cloud.proxy.fail(action('DescribeDBInstances'), { kind: 'rewrite', body: (text) => text.replace(from, to) });
  it.each([
    ['read replicas', /<ReadReplicaDBInstanceIdentifiers\s*\/>|<ReadReplicaDBInstanceIdentifiers><\/ReadReplicaDBInstanceIdentifiers>/, '<ReadReplicaDBInstanceIdentifiers><ReadReplicaDBInstanceIdentifier>shop-replica</ReadReplicaDBInstanceIdentifier></ReadReplicaDBInstanceIdentifiers>', 'shop-replica'],
    ['a password in Secrets Manager', '<MultiAZ>', '<MasterUserSecret><SecretStatus>active</SecretStatus></MasterUserSecret><MultiAZ>', 'Secrets Manager'],
    ['an activity stream', '<MultiAZ>', '<ActivityStreamStatus>started</ActivityStreamStatus><MultiAZ>', 'activity stream'],
    ['another engine', '<Engine>postgres<', '<Engine>mysql<', 'the snapshot is of postgres'],
  ])('for %s', async (_what, from, to, reason) => {
    const record = (await store.listBackups()).backups[0]!;
    changed(from, to);
    expect((await backups.restoreObstacles(target, record)).join('\n')).toContain(reason);
  });

  it('for other databases on the server, and where proxies cannot be asked for', async () => {
    const record = (await store.listBackups()).backups[0]!;
    await query('CREATE DATABASE other');
    cloud.proxy.fail(action('DescribeDBProxies'), { kind: 'error', status: 403, code: 'AccessDenied' });
    const obstacles = (await backups.restoreObstacles(target, record)).join('\n');
    expect(obstacles).toContain('would be taken back as well: other');
    expect(obstacles).toContain('rds:DescribeDBProxies and rds:DescribeDBProxyTargets is not allowed');
  });
});
