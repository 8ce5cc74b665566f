import { join } from 'node:path';
import { DescribeDBClustersCommand, DescribeDBClusterSnapshotsCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Settings } from '../../../../src/contract/settings.js';
import { openStore } from '../../../../src/handlers/backup/index.js';
import { uniqueName } from '../../../support/aws.js';
import { createDatabase, type TestDatabase } from '../../../support/postgres.js';
import { RdsCloud } from '../../../support/rds-cloud.js';
import { tempDir } from '../../../support/temp.js';
import { database, never, settingsFor } from '../setup.js';
import { clusterHandlerFor, optionsOf } from './setup.js';

let cloud: RdsCloud;
let db: TestDatabase;
let settings: Settings;
const id = uniqueName('shop');

beforeAll(async () => {
  cloud = await RdsCloud.start();
  const server = await cloud.createCluster(id, [`${id}-b`, `${id}-a`], { DeletionProtection: true, BackupRetentionPeriod: 14, EnableIAMDatabaseAuthentication: true });
  db = await createDatabase({ name: 'shop', server });
  settings = settingsFor(join(await tempDir(), 'store'), { method: 'snapshot', verify: 'checked' });
});
afterAll(() => cloud.stop());

describe('a snapshot of an Aurora cluster', () => {
  it('is restored with the instances of the cluster, and exchanged with it', async () => {
    const url = new URL(db.url);
    ({ host: url.hostname } = cloud.address(id));
    url.port = String(cloud.port);
    const target = database.target(url.href);
    const store = await openStore(settings);
    // An instance is enough to find the cluster by.
    const backups = clusterHandlerFor(cloud, { cluster_id: null, instance_id: `${id}-a` });
    await db.query('CREATE TABLE item (n int)');
    await database.bookkeeping.ensure(target);
    const record = await backups.create(target, store, optionsOf(settings, 'backup-20260101-000000'));
    expect(record).toMatchObject({ format: 'aurora-snapshot', tables: null, hosted: { source_id: id, engine: 'aurora-postgresql' } });
    await backups.check(store, record, never);
    expect(await backups.restoreObstacles(target, record)).toEqual([]);
    const { host, port } = cloud.address(id);
    cloud.proxy.fail(({ action }) => action === 'DescribeDBInstances', { kind: 'rewrite', body: (text) => text.replace(/<Endpoint>[\s\S]*?<\/Endpoint>/g, `<Endpoint><Address>${host}</Address><Port>${port}</Port></Endpoint>`) });
    expect(await backups.restoreObstacles(target, record)).toEqual([expect.stringContaining('the URL names one of its instances')]);
    cloud.proxy.heal();
    const differences = (await backups.restoreDifferences(target, record)).join('\n');
    expect(differences).toMatch(/IAM authentication on[\s\S]*days of automated backups 14[\s\S]*class db.r6g.xlarge[\s\S]*its instances get new ones/);

    await db.query('INSERT INTO item VALUES (1)');
    await backups.restoreBeside(target, store, record, 'op-2', never);
    const { kept_as: kept } = await backups.swap(target, 'op-2', async () => {}, never);
    const session = await database.connect(target, 'test');
    expect(await session.query('SELECT n FROM item')).toEqual([]);
    await session.close();
    const { DBClusters } = await cloud.client.send(new DescribeDBClustersCommand({ DBClusterIdentifier: id }));
    expect(DBClusters![0]).toMatchObject({ DeletionProtection: true, BackupRetentionPeriod: 14, IAMDatabaseAuthenticationEnabled: true });
    const created = cloud.asked('CreateDBInstance').map((one) => ({ name: one.get('DBInstanceIdentifier'), class: one.get('DBInstanceClass'), tier: Number(one.get('PromotionTier')) }));
    expect(created).toEqual([
      { name: expect.stringMatching(`^${id}-b-f[0-9a-f]{10}$`) as string, class: 'db.r6g.xlarge', tier: 1 },
      { name: expect.stringMatching(`^${id}-a-f[0-9a-f]{10}$`) as string, class: 'db.r6g.large', tier: 2 },
    ]);

    expect(await clusterHandlerFor(cloud, { cluster_id: id, instance_id: null }).replacedDatabases(target)).toMatchObject([{ name: kept }]);
    expect(await clusterHandlerFor(cloud, { cluster_id: id, instance_id: null }).dropReplaced(target, kept!)).toBeNull();
    expect((await cloud.client.send(new DescribeDBClusterSnapshotsCommand({ DBClusterSnapshotIdentifier: `faber-db-final-${kept}` }))).DBClusterSnapshots).toHaveLength(1);
  });

  it('is not taken where the instance is in no cluster', async () => {
    cloud.proxy.fail(({ action }) => action === 'DescribeDBInstances', { kind: 'rewrite', body: (text) => text.replace(/<DBClusterIdentifier>.*?<\/DBClusterIdentifier>/g, '') });
    const backups = clusterHandlerFor(cloud, { cluster_id: null, instance_id: `${id}-x` });
    await expect(backups.replacedDatabases(database.target(db.url))).rejects.toMatchObject({ code: 'backup_failed' });
  });

  it.each([
    ['a global cluster', { GlobalClusterIdentifier: 'world' }, 'part of a global cluster'],
    ['its first serverless', { EngineMode: 'serverless' }, 'engine mode is serverless'],
    ['custom endpoints', { CustomEndpoints: ['shop-reports.cluster-custom-x.rds.amazonaws.com'] }, 'the custom endpoint shop-reports'],
    ['replicas', { ReadReplicaIdentifiers: ['shop-replica'] }, 'the replicas shop-replica'],
  ])('is not restored over %s', async (_what, cluster, reason) => {
    const { ofCluster } = await import('../../../../src/handlers/backup/snapshot/aurora/obstacles.js');
    expect(ofCluster(cluster, [{ DBInstanceIdentifier: 'shop-1' }]).join('\n')).toContain(reason);
  });
});
