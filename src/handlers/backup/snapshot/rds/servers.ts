/** RDS instances as servers that are backed up by snapshots. */
import {
  AddRoleToDBInstanceCommand, AddTagsToResourceCommand, CreateDBSnapshotCommand, DeleteDBInstanceCommand, DeleteDBSnapshotCommand, DescribeDBInstancesCommand, DescribeDBSnapshotsCommand,
  ModifyDBInstanceCommand, paginateDescribeDBInstances, paginateDescribeDBSnapshots, RestoreDBInstanceFromDBSnapshotCommand,
  type DBInstance, type DBSnapshot, type RDSClient,
} from '@aws-sdk/client-rds';
import { isMissing } from '../errors.js';
import type { HostedServer, HostedServers, HostedSnapshot } from '../hosted.js';
import { describe, deviations, toModify, toRestore } from '../settings-table.js';
import { tagList, tagsOf, type Tags } from '../tags.js';
import { blueGreen, ofInstance, proxies } from './obstacles.js';
import { INSTANCE_SETTINGS, SERVING_SETTINGS } from './settings.js';

export interface RdsInstance extends HostedServer { raw: DBInstance }

const ALL = [...INSTANCE_SETTINGS, ...SERVING_SETTINGS];

export class RdsInstances implements HostedServers<RdsInstance> {
  readonly format = 'rds-snapshot';
  readonly words = { server: 'RDS instance', snapshot: 'RDS snapshot' };
  readonly actions = {
    createSnapshot: 'rds:CreateDBSnapshot', describeSnapshots: 'rds:DescribeDBSnapshots', deleteSnapshot: 'rds:DeleteDBSnapshot', describe: 'rds:DescribeDBInstances',
    restore: 'rds:RestoreDBInstanceFromDBSnapshot', modify: 'rds:ModifyDBInstance', delete: 'rds:DeleteDBInstance', tag: 'rds:AddTagsToResource',
  };

  constructor(private readonly client: RDSClient) {}

  region(): Promise<string> {
    return this.client.config.region();
  }
  serverArn(id: string): string {
    return `arn:aws:rds:*:*:db:${id}`;
  }
  snapshotArn(id: string): string {
    return `arn:aws:rds:*:*:snapshot:${id}`;
  }

  async find(id: string): Promise<RdsInstance | null> {
    try {
      const { DBInstances } = await this.client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }));
      return DBInstances?.[0] ? instanceOf(DBInstances[0]) : null;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async list(prefix: string): Promise<RdsInstance[]> {
    const found: RdsInstance[] = [];
    for await (const { DBInstances } of paginateDescribeDBInstances({ client: this.client }, {})) {
      found.push(...(DBInstances ?? []).filter((one) => one.DBInstanceIdentifier?.startsWith(prefix)).map(instanceOf));
    }
    return found;
  }

  async findSnapshot(id: string): Promise<HostedSnapshot | null> {
    try {
      const { DBSnapshots } = await this.client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: id }));
      return DBSnapshots?.[0] ? snapshotOf(DBSnapshots[0]) : null;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async snapshotsOf(id: string): Promise<HostedSnapshot[]> {
    const found: HostedSnapshot[] = [];
    for await (const { DBSnapshots } of paginateDescribeDBSnapshots({ client: this.client }, { DBInstanceIdentifier: id, SnapshotType: 'manual' })) found.push(...(DBSnapshots ?? []).map(snapshotOf));
    return found;
  }

  async createSnapshot(serverId: string, snapshotId: string, tags: Tags): Promise<void> {
    await this.client.send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: serverId, DBSnapshotIdentifier: snapshotId, Tags: tagList(tags) }));
  }

  async deleteSnapshot(snapshotId: string): Promise<void> {
    await this.client.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: snapshotId }));
  }

  async tag(arn: string, tags: Tags): Promise<void> {
    await this.client.send(new AddTagsToResourceCommand({ ResourceName: arn, Tags: tagList(tags) }));
  }

  async obstacles({ raw, arn, id }: RdsInstance): Promise<string[]> {
    return [...ofInstance(raw), ...(await proxies(this.client, (target) => target.RdsResourceId === id)), ...(await blueGreen(this.client, arn))];
  }

  describeSettings({ raw }: RdsInstance): string {
    return [describe(ALL, raw), ...(raw.AssociatedRoles?.length ? [`roles ${rolesOf(raw).join(' ')}`] : [])].join(', ');
  }

  differences({ resourceId }: RdsInstance): string[] {
    return [`The resource id ${resourceId} becomes another one: IAM policies for IAM authentication (rds-db:connect) that name it must be changed`];
  }

  async restore(snapshotId: string, newId: string, { raw }: RdsInstance, tags: Tags): Promise<void> {
    const settings = toRestore(INSTANCE_SETTINGS, raw);
    await this.client.send(new RestoreDBInstanceFromDBSnapshotCommand({ ...settings, DBInstanceIdentifier: newId, DBSnapshotIdentifier: snapshotId, DeletionProtection: false, Tags: tagList({ ...tagsOf(raw.TagList), ...tags }) }));
  }

  async finish(made: RdsInstance, like: RdsInstance, serves: boolean): Promise<boolean> {
    const changes = toModify(serves ? ALL : INSTANCE_SETTINGS, made.raw, like.raw);
    if (changes !== null) {
      await this.client.send(new ModifyDBInstanceCommand({ ...changes, DBInstanceIdentifier: made.id, ApplyImmediately: true }));
      return false;
    }
    const has = new Set(rolesOf(made.raw));
    const missing = serves ? (like.raw.AssociatedRoles ?? []).filter((role) => !has.has(roleOf(role))) : [];
    for (const { RoleArn, FeatureName } of missing) await this.client.send(new AddRoleToDBInstanceCommand({ DBInstanceIdentifier: made.id, RoleArn, FeatureName }));
    return missing.length === 0;
  }

  deviations(made: RdsInstance, like: RdsInstance): string[] {
    return deviations(INSTANCE_SETTINGS, made.raw, like.raw);
  }

  async rename(id: string, newId: string): Promise<void> {
    await this.client.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: id, NewDBInstanceIdentifier: newId, ApplyImmediately: true }));
  }

  async delete({ id, deletionProtection }: RdsInstance, finalSnapshot: string | null): Promise<void> {
    if (deletionProtection) await this.client.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: id, DeletionProtection: false, ApplyImmediately: true }));
    await this.client.send(new DeleteDBInstanceCommand({
      DBInstanceIdentifier: id, DeleteAutomatedBackups: false, ...(finalSnapshot === null ? { SkipFinalSnapshot: true } : { SkipFinalSnapshot: false, FinalDBSnapshotIdentifier: finalSnapshot }),
    }));
  }
}

const roleOf = ({ RoleArn, FeatureName }: { RoleArn?: string; FeatureName?: string }) => `${RoleArn ?? ''} for ${FeatureName ?? ''}`;
const rolesOf = (raw: DBInstance) => (raw.AssociatedRoles ?? []).map(roleOf);

function instanceOf(raw: DBInstance): RdsInstance {
  const { Address: host, Port: port } = raw.Endpoint ?? {};
  return {
    id: raw.DBInstanceIdentifier ?? '', arn: raw.DBInstanceArn ?? '', resourceId: raw.DbiResourceId ?? '', status: raw.DBInstanceStatus ?? 'unknown',
    endpoint: host !== undefined && port !== undefined ? { host, port } : null,
    engine: raw.Engine ?? '', engineVersion: raw.EngineVersion ?? '', encrypted: raw.StorageEncrypted ?? false, kmsKeyId: raw.KmsKeyId ?? null, storageGib: raw.AllocatedStorage ?? 0,
    deletionProtection: raw.DeletionProtection ?? false, changing: Object.values(raw.PendingModifiedValues ?? {}).some((value) => value !== undefined),
    renamingTo: raw.PendingModifiedValues?.DBInstanceIdentifier ?? null, ownAddresses: [], unready: [], tags: tagsOf(raw.TagList), raw,
  };
}

function snapshotOf(raw: DBSnapshot): HostedSnapshot {
  return {
    id: raw.DBSnapshotIdentifier ?? '', arn: raw.DBSnapshotArn ?? '', status: raw.Status ?? 'unknown', percent: raw.PercentProgress ?? 0, manual: raw.SnapshotType === 'manual', sourceId: raw.DBInstanceIdentifier ?? '',
    encrypted: raw.Encrypted ?? false, kmsKeyId: raw.KmsKeyId ?? null, storageGib: raw.AllocatedStorage ?? 0, engine: raw.Engine ?? '', engineVersion: raw.EngineVersion ?? '',
    takenAt: raw.SnapshotCreateTime ?? null, tags: tagsOf(raw.TagList),
  };
}
