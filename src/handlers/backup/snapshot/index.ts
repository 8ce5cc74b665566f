/** Backups by snapshot where AWS hosts the database. */
import type { DatabaseHandler } from '../../database/contract.js';
import type { BackupHandler, BackupKind } from '../contract.js';
import { AuroraClusters } from './aurora/clusters.js';
import { clusterId } from './aurora/cluster-id.js';
import { rdsClient } from './client.js';
import type { SnapshotContext } from './context.js';
import { SnapshotBackupHandler } from './handler.js';
import { PACE } from './poll.js';
import { PostgresSnapshotDatabase } from './postgresql/index.js';
import { RdsInstances } from './rds/servers.js';

/** The handler of an environment whose backups are snapshots; null: they are dumps, and AWS is not asked for anything. */
export function snapshotHandler({ provider, hosting, aws, backup }: BackupKind, database: DatabaseHandler, dumps: BackupHandler, pace = PACE): BackupHandler | null {
  if (backup.method !== 'snapshot' || provider !== 'postgresql' || aws === undefined) return null;
  const common: Pick<SnapshotContext, 'database' | 'access' | 'pace'> = { database, access: new PostgresSnapshotDatabase(database), pace };
  const { instance_id: instance } = aws;
  const client = rdsClient(aws);
  if (hosting === 'aws-aurora') {
    const servers = new AuroraClusters(client);
    return new SnapshotBackupHandler({ ...common, servers, id: () => clusterId(client, aws) }, dumps);
  }
  if (hosting !== 'aws-rds' || instance === null) return null;
  return new SnapshotBackupHandler({ ...common, servers: new RdsInstances(client), id: async () => instance.toLowerCase() }, dumps);
}
