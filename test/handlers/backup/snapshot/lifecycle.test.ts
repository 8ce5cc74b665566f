import { join } from 'node:path';
import { DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Settings } from '../../../../src/contract/settings.js';
import { openStore } from '../../../../src/handlers/backup/index.js';
import { createDatabase, type TestDatabase } from '../../../support/postgres.js';
import { uniqueName } from '../../../support/aws.js';
import { RdsCloud } from '../../../support/rds-cloud.js';
import { tempDir } from '../../../support/temp.js';
import { database, never, settingsFor } from '../setup.js';
import { handlerFor, optionsOf } from './setup.js';

let cloud: RdsCloud;
let db: TestDatabase;
let settings: Settings;
const id = uniqueName('shop');

beforeAll(async () => {
  cloud = await RdsCloud.start();
  const server = await cloud.create(id, { DeletionProtection: true, BackupRetentionPeriod: 7, CopyTagsToSnapshot: true, Tags: [{ Key: 'team', Value: 'shop' }] });
  db = await createDatabase({ name: 'shop', server });
  settings = settingsFor(join(await tempDir(), 'store'), { method: 'snapshot', verify: 'checked' });
});
afterAll(() => cloud.stop());

function urlOf(): string {
  const url = new URL(db.url);
  const { host, port } = cloud.address(id);
  url.hostname = host;
  url.port = String(port);
  return url.href;
}

describe('a snapshot of an RDS instance', () => {
  it('is taken, found by its tags, restored beside and exchanged by renaming, and the replaced one is kept until it goes with a final snapshot', async () => {
    const target = database.target(urlOf());
    const store = await openStore(settings);
    const backups = handlerFor(cloud, id);
    await db.query('CREATE TABLE item (n int)');
    await db.query('INSERT INTO item SELECT generate_series(1, 10)');
    await database.bookkeeping.ensure(target);
    const percents: number[] = [];
    const record = await backups.create(target, store, { ...optionsOf(settings, 'backup-20260101-000000'), onPercent: (percent) => percents.push(percent) });
    expect(record).toMatchObject({ format: 'rds-snapshot', level: 'checked', tables: null, size_bytes: 20 * 2 ** 30, hosted: { source_id: id, source_resource_id: cloud.resourceIdOf(id) } });
    expect(percents.at(-1)).toBe(100);
    expect(percents.length).toBeGreaterThan(1);
    await backups.check(store, record, never);
    // The same id again is the same backup.
    expect(await backups.create(target, store, optionsOf(settings, 'backup-20260101-000000'))).toEqual(record);

    const proven = await backups.prove(target, store, record, never, undefined, 'op-1');
    expect(proven).toMatchObject({ level: 'proven', tables: [{ schema: 'public', table: 'item', rows: 10 }] });

    await db.query('INSERT INTO item VALUES (11)');
    expect(await backups.restoreObstacles(target, record)).toEqual([]);
    expect((await backups.restoreDifferences(target, record)).join('\n')).toMatch(/deletion protection on[\s\S]*no server for some minutes[\s\S]*rds-db:connect/);
    const before = cloud.resourceIdOf(id);
    const report = await backups.restoreBeside(target, store, record, 'op-2', never);
    expect(report).toMatchObject({ tables: 1, rows: null });
    expect(await db.query('SELECT count(*)::int AS n FROM item')).toEqual([{ n: 11 }]);
    const { kept_as: kept } = await backups.swap(target, 'op-2', async () => {}, never);
    expect(kept).toMatch(new RegExp(`^${id}-replaced-`));
    expect(cloud.resourceIdOf(kept!)).toBe(before);
    const session = await database.connect(target, 'test');
    expect(await session.query('SELECT count(*)::int AS n FROM item')).toEqual([{ n: 10 }]);
    await session.close();
    expect(await backups.keptBy(target, 'op-2')).toBe(kept);
    // Called again it finds what it did.
    expect(await backups.swap(target, 'op-2', async () => {}, never)).toEqual({ kept_as: kept });
    await backups.cleanUp(target, 'op-2');
    // Who has the old address in a cache must not go on writing into the replaced one.
    await expect(db.query('SELECT 1')).rejects.toMatchObject({ code: '55000' });

    expect(await backups.replacedDatabases(target)).toMatchObject([{ name: kept }]);
    expect(await backups.dropReplaced(target, kept!)).toBeNull();
    expect(cloud.server(kept!)).toBeNull();
    const { DBSnapshots } = await cloud.client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: `faber-db-final-${kept}` }));
    expect(DBSnapshots).toHaveLength(1);
    await backups.discard!(record);
    await expect(backups.check(store, record, never)).rejects.toMatchObject({ code: 'backup_unusable' });
  });
});
